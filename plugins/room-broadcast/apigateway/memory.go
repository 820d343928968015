package apigateway

import "sync"

const (
	// maxDeliveries and maxReached bound the memory: deliveries, and connections of all of them.
	maxDeliveries = 4096
	maxReached    = 1 << 18
)

// memory remembers which connections have received which delivery, so that an attempt after a partial failure or a lost result
// sends nothing twice. It is lost with the process, and drops the oldest deliveries first.
type memory struct {
	mu         sync.Mutex
	deliveries map[string]*delivery
	oldest     []string
	reached    int // connections of all deliveries
}

// delivery is guarded by the lock of memory.
type delivery struct {
	id      string
	reached map[string]struct{}
	receipt string // set when the delivery is done
}

func newMemory() *memory { return &memory{deliveries: map[string]*delivery{}} }

// of returns the delivery of an id, and its receipt if it is done.
func (m *memory) of(id string) (d *delivery, receipt string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d = m.deliveries[id]
	if d == nil {
		d = &delivery{id: id, reached: map[string]struct{}{}}
		m.deliveries[id] = d
		m.oldest = append(m.oldest, id)
		m.forget()
	}
	return d, d.receipt
}

func (m *memory) has(d *delivery, connection string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := d.reached[connection]
	return ok
}

func (m *memory) add(d *delivery, connection string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(d.reached)
	d.reached[connection] = struct{}{}
	if len(d.reached) > before && m.deliveries[d.id] == d {
		m.reached++
		m.forget()
	}
}

// count returns the number of connections that have received d.
func (m *memory) count(d *delivery) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(d.reached)
}

// finish keeps only the receipt.
func (m *memory) finish(d *delivery, receipt string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deliveries[d.id] == d {
		m.reached -= len(d.reached)
	}
	d.reached, d.receipt = map[string]struct{}{}, receipt
}

// forget drops the oldest deliveries until the bounds hold. The caller holds mu.
func (m *memory) forget() {
	for len(m.oldest) > maxDeliveries || m.reached > maxReached {
		m.reached -= len(m.deliveries[m.oldest[0]].reached)
		delete(m.deliveries, m.oldest[0])
		m.oldest = m.oldest[1:]
	}
}
