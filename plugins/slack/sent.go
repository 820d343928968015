package main

import "sync"

// sent remembers posted deliveries, because a delivery whose result was lost arrives again and Slack would show it twice. It is
// bounded, forgets the oldest first, and does not outlive the process.
type sent struct {
	mu       sync.Mutex
	receipts map[string]string
	ring     []string // delivery ids
	next     int
}

const maxSent = 4096

func newSent() *sent {
	return &sent{receipts: make(map[string]string), ring: make([]string, maxSent)}
}

func (s *sent) receipt(id string) (receipt string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	receipt, ok = s.receipts[id]
	return receipt, ok
}

func (s *sent) add(id, receipt string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.receipts[id]; ok {
		return
	}
	delete(s.receipts, s.ring[s.next])
	s.receipts[id], s.ring[s.next] = receipt, id
	s.next = (s.next + 1) % len(s.ring)
}
