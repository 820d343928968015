package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pointsman/pointsman/core/dispatch"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	"github.com/pointsman/pointsman/core/rule"
	"github.com/pointsman/pointsman/core/source"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// webhook is a source without rooms.
type webhook struct {
	http.Handler
	name string
}

func (w webhook) Info() source.Info {
	return source.Info{Name: w.name, Kind: "intdash", Path: "/" + w.name}
}
func (w webhook) Run(context.Context) error { return nil }

// lobby is a source with rooms, in which one connection is left.
type lobby struct {
	webhook
	sent []string
}

func (l *lobby) Info() source.Info {
	return source.Info{Name: l.name, Kind: "websocket", Path: "/" + l.name, Rooms: l}
}

func (l *lobby) Broadcast(room string, data []byte, binary bool, except string) int {
	l.sent = append(l.sent, "to "+room+" but "+except+frame(data, binary))
	return 1
}

func (l *lobby) List(context.Context) ([]source.RoomInfo, error) {
	return []source.RoomInfo{{Name: "lobby", Members: 1}}, nil
}

func (l *lobby) Members(context.Context, string) ([]source.RoomMember, error) {
	return []source.RoomMember{{ConnectionID: "left"}}, nil
}

func (l *lobby) Close(context.Context, string, string, int, string) (int, error) { return 1, nil }

func (l *lobby) Send(id string, data []byte, binary bool) error {
	if err, ok := map[string]error{"gone": source.ErrGone, "busy": source.ErrBusy, "small": source.ErrTooLarge}[id]; ok {
		return err
	}
	l.sent = append(l.sent, "to "+id+frame(data, binary))
	return nil
}

// roomsOf is the room table of a generation with these sources.
func roomsOf(sources ...source.Source) func() *roomTable {
	var infos []source.Info
	for _, s := range sources {
		infos = append(infos, s.Info())
	}
	t := newRoomTable(infos)
	return func() *roomTable { return t }
}

func frame(data []byte, binary bool) string {
	if binary {
		return " in bytes: " + string(data)
	}
	return ": " + string(data)
}

type intakeFunc func([]source.Event) ([]source.Accepted, error)

func (f intakeFunc) Accept(_ context.Context, events []source.Event) ([]source.Accepted, error) {
	return f(events)
}

func toRoom(source, room string) *pluginv1.Effect {
	return &pluginv1.Effect{Effect: &pluginv1.Effect_RoomBroadcast{RoomBroadcast: &pluginv1.RoomBroadcast{
		Source: source, Room: room, Data: []byte("hi"), ExceptConnectionId: "me",
	}}}
}

func toOne(source, id string) *pluginv1.Effect {
	return &pluginv1.Effect{Effect: &pluginv1.Effect_RoomSend{RoomSend: &pluginv1.RoomSend{
		Source: source, ConnectionId: id, Data: []byte("hi"), Binary: true,
	}}}
}

func newEvent(env *pointsmanv1.Envelope) *pluginv1.Effect {
	return &pluginv1.Effect{Effect: &pluginv1.Effect_Emit{Emit: &pluginv1.Emit{Envelope: env}}}
}

func deliveryOf(t *testing.T, env *pointsmanv1.Envelope) *journal.Delivery {
	t.Helper()
	encoded, err := proto.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	return &journal.Delivery{ID: "k3-7", Source: env.GetSource(), Envelope: encoded}
}

// nothingEmitted fails the test when an event is made.
func nothingEmitted(t *testing.T) intakeFunc {
	return func(events []source.Event) ([]source.Accepted, error) {
		t.Errorf("made %v", events)
		return nil, errors.New("unexpected")
	}
}

func TestRoomEffects(t *testing.T) {
	for name, tt := range map[string]struct {
		sources string // of r (room) and w (webhook), each named as it stands
		effects []*pluginv1.Effect
		want    map[string][]string
		wantErr string
	}{
		"named":             {"w1 r1 r2", []*pluginv1.Effect{toRoom("r2", "lobby")}, map[string][]string{"r2": {"to lobby but me: hi"}}, ""},
		"the only one":      {"w1 r1", []*pluginv1.Effect{toRoom("", "lobby")}, map[string][]string{"r1": {"to lobby but me: hi"}}, ""},
		"the event's own":   {"r1 own", []*pluginv1.Effect{toRoom("", "lobby")}, map[string][]string{"own": {"to lobby but me: hi"}}, ""},
		"one connection":    {"r1", []*pluginv1.Effect{toOne("r1", "here")}, map[string][]string{"r1": {"to here in bytes: hi"}}, ""},
		"a gone connection": {"r1", []*pluginv1.Effect{toOne("r1", "gone"), toOne("", "here")}, map[string][]string{"r1": {"to here in bytes: hi"}}, ""},
		"a busy connection": {"r1", []*pluginv1.Effect{toOne("r1", "busy"), toOne("", "here")}, map[string][]string{"r1": {"to here in bytes: hi"}}, ""},
		"too large for one": {"r1", []*pluginv1.Effect{toOne("r1", "small"), toOne("", "here")}, map[string][]string{"r1": {"to here in bytes: hi"}}, "raise limits.message_bytes"},
		"unknown":           {"r1 w1", []*pluginv1.Effect{toRoom("r3", "lobby")}, nil, `room_broadcast: there is no source "r3": set "source" in the plugin's settings to one of ["r1"], reload, and retry the delivery`},
		"of another kind":   {"r1 w1", []*pluginv1.Effect{toOne("w1", "here")}, nil, `room_send: source "w1" is of kind intdash and has no rooms: set "source"`},
		"one of several":    {"r1 r2", []*pluginv1.Effect{toRoom("", "lobby")}, nil, `room_broadcast: the plugin does not name a source: set "source" in the plugin's settings to one of ["r1" "r2"]`},
		"none there is":     {"w1", []*pluginv1.Effect{toRoom("", "lobby")}, nil, `room_broadcast: no source with rooms is configured: add a block source "websocket"`},
		"all or none":       {"r1", []*pluginv1.Effect{toRoom("", "lobby"), toRoom("r3", "lobby")}, nil, "there is no source"},
		"no room":           {"r1", []*pluginv1.Effect{toRoom("", "")}, nil, "the plugin names no room"},
		"no connection":     {"r1", []*pluginv1.Effect{toOne("", "")}, nil, "the plugin names no connection"},
		"of the future":     {"r1", []*pluginv1.Effect{{}}, nil, "update Pointsman"},
		"too many":          {"r1", make([]*pluginv1.Effect, 1001), nil, "1001 effects; at most 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			var sources []source.Source
			var lobbies []*lobby
			for name := range strings.FieldsSeq(tt.sources) {
				if w := (webhook{name: name}); name[0] == 'w' {
					sources = append(sources, w)
				} else {
					lobbies = append(lobbies, &lobby{webhook: w})
					sources = append(sources, lobbies[len(lobbies)-1])
				}
			}
			e := newEffects(prometheus.NewRegistry(), nothingEmitted(t), roomsOf(sources...))
			_, err := e.Apply(t.Context(), deliveryOf(t, &pointsmanv1.Envelope{Source: "own"}), tt.effects)
			if _, impossible := errors.AsType[*dispatch.ImpossibleError](err); impossible != (tt.wantErr != "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("error %v, want %q", err, tt.wantErr)
			}
			for _, l := range lobbies {
				if diff := cmp.Diff(tt.want[l.name], l.sent); diff != "" {
					t.Errorf("%s: %s", l.name, diff)
				}
			}
		})
	}
}

func TestEmit(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const parentTrace, ownTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01"
	var made []*pointsmanv1.Envelope
	e := newEffects(prometheus.NewRegistry(), intakeFunc(func(events []source.Event) ([]source.Accepted, error) {
		for _, ev := range events {
			made = append(made, ev.Envelope)
			if diff := cmp.Diff([]source.Key{{Value: "emit:" + ev.Envelope.GetId()}}, ev.Keys); diff != "" || ev.Memory {
				t.Errorf("memory %t, keys %s", ev.Memory, diff)
			}
		}
		return make([]source.Accepted, len(events)), nil
	}), roomsOf())
	e.now = func() time.Time { return now }
	parent := &pointsmanv1.Envelope{
		Id: "a", Source: "lab", Kind: "intdash", HopCount: 7, TraceParent: parentTrace, VerifiedBy: "secret 1", Sensitive: true,
	}
	did, err := e.Apply(t.Context(), deliveryOf(t, parent), []*pluginv1.Effect{
		newEvent(&pointsmanv1.Envelope{Type: "stats.ready", Subject: "m", Id: "b", Source: "c", Kind: "s3", HopCount: 1, TimeUnixNano: 5, Body: []byte("x")}),
		newEvent(&pointsmanv1.Envelope{Type: "stats.sent", TraceParent: ownTrace, VerifiedBy: "forged"}),
	})
	if err != nil || did != "emitted event k3-7.0; emitted event k3-7.1" {
		t.Fatalf("%q, %v", did, err)
	}
	want := []*pointsmanv1.Envelope{
		{Id: "k3-7.0", Source: "lab", Kind: "intdash", Type: "stats.ready", Subject: "m", HopCount: 8, TimeUnixNano: 5, ReceivedUnixNano: now.UnixNano(), Body: []byte("x"), TraceParent: parentTrace, Sensitive: true},
		{Id: "k3-7.1", Source: "lab", Kind: "intdash", Type: "stats.sent", HopCount: 8, ReceivedUnixNano: now.UnixNano(), TraceParent: ownTrace, Sensitive: true},
	}
	if diff := cmp.Diff(want, made, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestEmitRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		hops    uint32
		env     *pointsmanv1.Envelope
		wantErr string
	}{
		"a loop":      {8, &pointsmanv1.Envelope{Type: "again"}, `emit: the event was emitted after 8 others in a row, which looks like a loop: make sure that no rule sends events of type "again" back to this plugin`},
		"no type":     {0, &pointsmanv1.Envelope{}, "emit: the plugin gave the new event no type"},
		"no envelope": {0, nil, "emit: the plugin gave the new event no type"},
	} {
		t.Run(name, func(t *testing.T) {
			room := &lobby{webhook: webhook{name: "chat"}}
			e := newEffects(prometheus.NewRegistry(), nothingEmitted(t), roomsOf(room))
			_, err := e.Apply(t.Context(), deliveryOf(t, &pointsmanv1.Envelope{Source: "lab", HopCount: tt.hops}), []*pluginv1.Effect{toRoom("chat", "lobby"), newEvent(tt.env)})
			if _, impossible := errors.AsType[*dispatch.ImpossibleError](err); !impossible || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("error %v, want %q", err, tt.wantErr)
			}
			if room.sent != nil {
				t.Errorf("sent %q", room.sent)
			}
		})
	}
}

// A journal that takes nothing is a reason to try again, and nothing is sent before the events are stored.
func TestEmitFails(t *testing.T) {
	room := &lobby{webhook: webhook{name: "chat"}}
	e := newEffects(prometheus.NewRegistry(), intakeFunc(func([]source.Event) ([]source.Accepted, error) { return nil, journal.ErrFull }), roomsOf(room))
	_, err := e.Apply(t.Context(), deliveryOf(t, &pointsmanv1.Envelope{}), []*pluginv1.Effect{toRoom("", "lobby"), newEvent(&pointsmanv1.Envelope{Type: "x"})})
	if _, impossible := errors.AsType[*dispatch.ImpossibleError](err); impossible || !errors.Is(err, journal.ErrFull) || room.sent != nil {
		t.Errorf("error %v, sent %q", err, room.sent)
	}
}

// A delivery that comes again, because its settlement was lost, makes no second event.
func TestEmitAgain(t *testing.T) {
	j, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"), sqlite.Options{
		Log: slog.New(slog.DiscardHandler), Metrics: sqlite.NewMetrics(prometheus.NewRegistry()),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	reg := prometheus.NewRegistry()
	metrics := newRuleMetrics(reg)
	g := &generation{rules: new(rule.Set), counts: metrics.begin(nil)}
	e := newEffects(reg, &intake{generation: func(string) *generation { return g }, journal: j, duration: metrics.duration}, roomsOf())
	d := deliveryOf(t, &pointsmanv1.Envelope{Source: "lab", Kind: "intdash"})
	for range 2 {
		if _, err := e.Apply(t.Context(), d, []*pluginv1.Effect{newEvent(&pointsmanv1.Envelope{Type: "x"}), newEvent(&pointsmanv1.Envelope{Type: "y"})}); err != nil {
			t.Fatal(err)
		}
	}
	for result, want := range map[string]float64{"done": 2, "duplicate": 2} {
		if got := testutil.ToFloat64(e.total.WithLabelValues("emit", result)); got != want {
			t.Errorf("%s: %v, want %v", result, got, want)
		}
	}
}
