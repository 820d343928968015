package app

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pointsman/pointsman/core/source"
)

// roomTable finds the rooms that an effect means. It does not change.
type roomTable struct {
	rooms map[string]source.Rooms // by the name of the source
	names []string                // of the sources with rooms, sorted
	kinds map[string]string       // of all sources, by name
}

// newRoomTable returns the table for the sources of a generation.
func newRoomTable(sources []source.Info) *roomTable {
	t := &roomTable{rooms: map[string]source.Rooms{}, kinds: map[string]string{}}
	for _, s := range sources {
		t.kinds[s.Name] = s.Kind
		if s.Rooms != nil {
			t.rooms[s.Name] = s.Rooms
			t.names = append(t.names, s.Name)
		}
	}
	slices.Sort(t.names)
	return t
}

// find returns the rooms of the source called name. Without a name they are those of own, the source of the event, if it has
// rooms, otherwise those of the only source that has.
func (t *roomTable) find(name, own string) (source.Rooms, error) {
	if name == "" && t.rooms[own] != nil {
		name = own
	} else if name == "" && len(t.names) == 1 {
		name = t.names[0]
	}
	switch {
	case t.rooms[name] != nil:
		return t.rooms[name], nil
	case name == "" && len(t.names) > 0:
		return nil, fmt.Errorf("the plugin does not name a source: %s", t.advice())
	case t.kinds[name] != "":
		return nil, fmt.Errorf("source %q is of kind %s and has no rooms: %s", name, t.kinds[name], t.advice())
	case name != "":
		return nil, fmt.Errorf("there is no source %q: %s", name, t.advice())
	}
	return nil, errors.New(t.advice())
}

// advice says how to name a source with rooms.
func (t *roomTable) advice() string {
	if len(t.names) == 0 {
		return `no source with rooms is configured: add a block source "websocket"`
	}
	return fmt.Sprintf(`set "source" in the plugin's settings to one of %q, reload, and retry the delivery`, t.names)
}
