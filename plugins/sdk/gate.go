package sdk

import "sync"

// gate counts deliveries from the moment they are received until their result is sent.
type gate struct {
	mu     sync.Mutex
	n      int
	closed bool
	empty  chan struct{} // made by shut, closed when n is 0
}

// enter counts k deliveries in, and says whether they may be worked on: after shut they are only to be answered.
func (g *gate) enter(k int) (open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n += k
	return !g.closed
}

// leave counts k deliveries out.
func (g *gate) leave(k int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n -= k
	if g.n == 0 {
		g.signal()
	}
}

// shut lets nothing more in. The channel closes as soon as nothing is inside.
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

// signal needs mu.
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
