// Package sourcetest holds what the tests of several sources share.
package sourcetest

import (
	"context"
	"slices"
	"sync"

	"github.com/pointsman/pointsman/core/source"
)

// Memory is an Intake that keeps events in memory and detects duplicates by their keys, as the journal does. Its fields may
// be read and set while no request is in flight.
type Memory struct {
	// Events are the stored events, in order.
	Events []source.Event
	// Err, if not nil, is what Accept returns instead of storing anything.
	Err error

	mu   sync.Mutex
	seen map[string]bool
}

// Accept implements source.Intake.
func (m *Memory) Accept(_ context.Context, events []source.Event) ([]source.Accepted, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Err != nil {
		return nil, m.Err
	}
	if m.seen == nil {
		m.seen = map[string]bool{}
	}
	results := make([]source.Accepted, len(events))
	for i, e := range events {
		for _, k := range e.Keys {
			results[i].Duplicate = results[i].Duplicate || m.seen[k.Value]
		}
		if !results[i].Duplicate {
			m.Events = append(m.Events, e)
		}
		for _, k := range e.Keys {
			m.seen[k.Value] = true
		}
	}
	return results, nil
}

// Stored returns the events so far. Unlike the field Events, it may be used while the source accepts more.
func (m *Memory) Stored() []source.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.Events)
}
