// Package sourcetest is what the tests of sources share.
package sourcetest

import (
	"context"
	"sync"

	"github.com/pointsman/pointsman/core/source"
)

// Memory is an Intake that keeps events and recognises duplicates by their keys, as the journal does. Its fields may be read
// and set while no request is under way.
type Memory struct {
	// Events are those stored, in order.
	Events []source.Event
	// Err is what Accept returns in place of storing anything. nil: nothing.
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
