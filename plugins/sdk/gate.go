package sdk

import "sync"

// gate counts deliveries from the moment they are received until their result is sent.
type gate struct {
	mu     sync.Mutex
	n      int
	closed bool
	empty  chan struct{} // made by shut, closed when n reaches 0
}

// enter counts k deliveries in. It returns false after shut: they must be answered, not processed.
func (g *gate) enter(k int) (open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n += k
	return !g.closed
}

// leave counts k deliveries out, when their results are sent.
func (g *gate) leave(k int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n -= k
	if g.n == 0 {
		g.signal()
	}
}

// shut makes enter return false from now on. The returned channel closes when no delivery is left inside.
func (g *gate) shut() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed, g.empty = true, make(chan struct{})
		if g.n == 0 {
			g.signal()
		}
	}
	return g.empty
}

// signal closes empty, once. The caller holds mu.
func (g *gate) signal() {
	if !g.closed {
		return
	}
	select {
	case <-g.empty:
	default:
		close(g.empty)
	}
}
