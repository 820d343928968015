package app

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/rule"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// Limits of a result, which is one message. Beyond them there are numbers and no examples.
const (
	maxPlanExamples = 3
	maxExampledKeys = 200
	maxExampleBytes = 16 << 20
	// maxShownArguments is how long arguments may be to be shown as a whole, beside the part that differs.
	maxShownArguments = 16 << 10
)

// Result implements admin.Comparison. It reads the events of its examples again.
func (c *comparison) Result(event func(seq int64) (*journal.EventRecord, error)) (*adminv1.PlanResult, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys, changes := c.sum.changes()
	out := &adminv1.PlanResult{Events: c.sum.events, Changes: changes}
	rules := map[string]bool{}
	for _, change := range changes {
		if !change.GetShadow() {
			rules[change.GetRule()] = true
			out.More += int64(change.GetMore())
			out.Less += int64(change.GetLess())
			out.Different += int64(change.GetDifferent())
		}
	}
	out.Rules = int32(len(rules))
	return out, c.addExamples(keys, changes, event)
}

// exampleKey is what an example is an example of.
type exampleKey struct {
	block blockKey
	kind  int
	nth   int
}

// addExamples takes one event after the other, the newest first, and adds what it is an example of.
func (c *comparison) addExamples(keys []blockKey, changes []*adminv1.PlannedChange, event func(int64) (*journal.EventRecord, error)) error {
	wanted := map[int64]map[exampleKey]*adminv1.PlannedChange{}
	for i, key := range keys[:min(len(keys), maxExampledKeys)] {
		for _, e := range c.sum.blocks[key].choose() {
			if wanted[e.event] == nil {
				wanted[e.event] = map[exampleKey]*adminv1.PlannedChange{}
			}
			wanted[e.event][exampleKey{key, e.kind, e.nth}] = changes[i]
		}
	}
	seqs := slices.SortedFunc(maps.Keys(wanted), func(a, b int64) int { return cmp.Compare(b, a) })
	size := 0
	for _, seq := range seqs {
		e, err := event(seq)
		if errors.Is(err, journal.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		if err := c.examplesOf(e, wanted[seq], &size); err != nil || size > maxExampleBytes {
			return err
		}
	}
	return nil
}

type chosen struct {
	place
	kind int
}

// choose takes the newest of each kind, then the next ones.
func (b *blockTally) choose() (out []chosen) {
	for i := range maxPlanExamples {
		for kind := range b.kinds {
			if newest := b.kinds[kind].newest; i < len(newest) && len(out) < maxPlanExamples {
				out = append(out, chosen{newest[i], kind})
			}
		}
	}
	return out
}

func (c *comparison) examplesOf(e *journal.EventRecord, wanted map[exampleKey]*adminv1.PlannedChange, size *int) error {
	now, planned, err := c.sides(e)
	if err != nil {
		return err
	}
	sensitive := journal.IsSensitive(e.Envelope)
	seen := map[exampleKey]int{}
	pair(now, planned, func(block blockKey, x, y *rule.Delivery) {
		kind, differ := kindOf(x, y)
		if !differ {
			return
		}
		key := exampleKey{block: block, kind: kind}
		nth := seen[key]
		seen[key]++
		key.nth = nth
		change := wanted[key]
		if change == nil {
			return
		}
		example := &adminv1.PlannedExample{
			EventNumber: e.Seq, EventId: e.ID, Source: e.Source, Now: plannedDelivery(x, sensitive), Planned: plannedDelivery(y, sensitive),
		}
		if !sensitive {
			example.Arguments = argumentChanges(x, y)
		}
		for _, d := range []*adminv1.PlannedDelivery{example.GetNow(), example.GetPlanned()} {
			if d != nil && len(d.GetArgumentsJson()) > maxShownArguments {
				d.ArgumentsJson = ""
			}
		}
		*size += proto.Size(example)
		if *size <= maxExampleBytes {
			change.Examples = append(change.Examples, example)
		}
	})
	return nil
}

// plannedDelivery is a delivery as the API shows it; nil for none. What may quote a sensitive event is left out.
func plannedDelivery(d *rule.Delivery, sensitive bool) *adminv1.PlannedDelivery {
	if d == nil {
		return nil
	}
	out := &adminv1.PlannedDelivery{Plugin: d.Plugin}
	if sensitive {
		return out
	}
	out.OrderKey, out.ArgumentsJson = d.OrderKey, admin.MaskArguments(d.Arguments, d.Sensitive)
	if d.Err != nil {
		out.Error = d.Err.Error()
	}
	return out
}
