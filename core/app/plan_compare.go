package app

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/rule"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// comparison counts what two sides make of recorded events, and remembers where they differ. It holds nothing of the events: what an
// example shows is made again at the end.
type comparison struct {
	before, after side
	recorded      bool

	mu  sync.Mutex
	sum tally
}

// tally is the sum over some events. Sums can be added in any order.
type tally struct {
	events int64
	blocks map[blockKey]*blockTally
}

// blockKey names the dispatch blocks of a rule to a plugin.
type blockKey struct {
	rule, plugin string
	shadow       bool
}

type blockTally struct {
	now, planned, failedNow, failedPlanned int32
	kinds                                  [differences]difference
}

// The ways in which two deliveries differ, in the order in which examples are chosen.
const (
	isDifferent = iota
	isMore
	isLess
	differences
)

// difference counts the deliveries that differ in one way, and has places of the newest of them.
type difference struct {
	n      int32
	newest []place
}

// place is the n-th delivery of its kind and block that an event makes.
type place struct {
	event int64
	nth   int
}

// Recorded implements admin.Comparison.
func (c *comparison) Recorded() bool { return c.recorded }

// Add implements admin.Comparison.
func (c *comparison) Add(events []journal.EventRecord) error {
	t := tally{blocks: map[blockKey]*blockTally{}}
	for i := range events {
		if events[i].Quarantine != "" {
			continue
		}
		now, planned, err := c.sides(&events[i])
		if err != nil {
			return err
		}
		t.add(events[i].Seq, now, planned)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.merge(&t)
	return nil
}

// sides evaluates an event for both sides. It is decoded once.
func (c *comparison) sides(e *journal.EventRecord) (now, planned []rule.Delivery, err error) {
	env, err := envelopeOf(e)
	if err != nil || env == nil {
		return nil, nil, err
	}
	return c.before(e, env), c.after(e, env), nil
}

// envelopeOf decodes a recorded event for the rules. It is nil for a quarantined one, which no rule sees.
func envelopeOf(e *journal.EventRecord) (*pointsmanv1.Envelope, error) {
	if e.Quarantine != "" {
		return nil, nil
	}
	env := new(pointsmanv1.Envelope)
	if err := proto.Unmarshal(e.Envelope, env); err != nil {
		return nil, fmt.Errorf("decode event %d: %w", e.Seq, err)
	}
	return env, nil
}

func (t *tally) add(event int64, now, planned []rule.Delivery) {
	t.events++
	seen := map[*difference]int(nil) // made for events that differ: most do not
	pair(now, planned, func(key blockKey, x, y *rule.Delivery) {
		b := t.blocks[key]
		if b == nil {
			b = new(blockTally)
			t.blocks[key] = b
		}
		countDelivery(x, &b.now, &b.failedNow)
		countDelivery(y, &b.planned, &b.failedPlanned)
		kind, differ := kindOf(x, y)
		if !differ {
			return
		}
		if seen == nil {
			seen = map[*difference]int{}
		}
		d := &b.kinds[kind]
		d.n++
		d.keep(place{event, seen[d]})
		seen[d]++
	})
}

func countDelivery(d *rule.Delivery, n, failed *int32) {
	if d == nil {
		return
	}
	*n++
	if d.Err != nil {
		*failed++
	}
}

// keep adds a place if it is among the newest.
func (d *difference) keep(p place) {
	i, _ := slices.BinarySearchFunc(d.newest, p, func(a, b place) int {
		return cmp.Or(cmp.Compare(b.event, a.event), cmp.Compare(a.nth, b.nth))
	})
	if i < maxPlanExamples {
		d.newest = slices.Insert(d.newest, i, p)
		d.newest = d.newest[:min(len(d.newest), maxPlanExamples)]
	}
}

func (t *tally) merge(o *tally) {
	t.events += o.events
	if t.blocks == nil {
		t.blocks = map[blockKey]*blockTally{}
	}
	for key, b := range o.blocks {
		sum := t.blocks[key]
		if sum == nil {
			t.blocks[key] = b
			continue
		}
		sum.now, sum.planned = sum.now+b.now, sum.planned+b.planned
		sum.failedNow, sum.failedPlanned = sum.failedNow+b.failedNow, sum.failedPlanned+b.failedPlanned
		for i := range b.kinds {
			sum.kinds[i].n += b.kinds[i].n
			for _, p := range b.kinds[i].newest {
				sum.kinds[i].keep(p)
			}
		}
	}
}

// pair calls visit with the deliveries of both sides: the first of a rule to a plugin with the first, the second with the second. One
// that has no partner comes with nil.
func pair(now, planned []rule.Delivery, visit func(key blockKey, now, planned *rule.Delivery)) {
	same := 0 // most events are delivered the same way
	for same < min(len(now), len(planned)) && keyOf(&now[same]) == keyOf(&planned[same]) {
		visit(keyOf(&now[same]), &now[same], &planned[same])
		same++
	}
	now, planned = now[same:], planned[same:]
	partners := map[blockKey][]*rule.Delivery{}
	for i := range planned {
		key := keyOf(&planned[i])
		partners[key] = append(partners[key], &planned[i])
	}
	for i := range now {
		key := keyOf(&now[i])
		if list := partners[key]; len(list) > 0 {
			visit(key, &now[i], list[0])
			partners[key] = list[1:]
			continue
		}
		visit(key, &now[i], nil)
	}
	for i := range planned {
		key := keyOf(&planned[i])
		if list := partners[key]; len(list) > 0 && list[0] == &planned[i] {
			visit(key, nil, list[0])
			partners[key] = list[1:]
		}
	}
}

func keyOf(d *rule.Delivery) blockKey { return blockKey{d.Rule, d.Plugin, d.Shadow} }

// kindOf returns how the deliveries of a pair differ, and whether they do.
func kindOf(now, planned *rule.Delivery) (kind int, differ bool) {
	switch {
	case now == nil:
		return isMore, true
	case planned == nil:
		return isLess, true
	}
	return isDifferent, !sameDelivery(now, planned)
}

// sameDelivery compares what a plugin gets. Two failures are the same: their texts name lines, which move.
func sameDelivery(a, b *rule.Delivery) bool {
	if a.Err != nil || b.Err != nil {
		return a.Err != nil && b.Err != nil
	}
	return a.OrderKey == b.OrderKey && sameJSON(a.Arguments, b.Arguments)
}

// sameJSON allows for members in another order, which another version of a plugin's schema may give.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if len(a) != len(b) {
		return false // both are written by the same encoder
	}
	x, errX := decodeJSON(a)
	y, errY := decodeJSON(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// decodeJSON keeps numbers as they are written.
func decodeJSON(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// changes returns what differs, sorted.
func (t *tally) changes() ([]blockKey, []*adminv1.PlannedChange) {
	var keys []blockKey
	for key, b := range t.blocks {
		if b.kinds[isDifferent].n+b.kinds[isMore].n+b.kinds[isLess].n > 0 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b blockKey) int {
		if a.shadow != b.shadow {
			if a.shadow {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.plugin, b.plugin))
	})
	list := make([]*adminv1.PlannedChange, len(keys))
	for i, key := range keys {
		b := t.blocks[key]
		list[i] = &adminv1.PlannedChange{
			Rule: key.rule, Plugin: key.plugin, Shadow: key.shadow, Now: b.now, Planned: b.planned,
			FailedNow: b.failedNow, FailedPlanned: b.failedPlanned,
			Different: b.kinds[isDifferent].n, More: b.kinds[isMore].n, Less: b.kinds[isLess].n,
		}
	}
	return keys, list
}
