package apigateway

import "sync"

const (
	// maxDeliveries and maxTold bound the memory: deliveries, and connections of all of them.
	maxDeliveries = 4096
	maxTold       = 1 << 18
)

// memory knows which connections have got which delivery, so that an attempt after a partial failure, or after a lost result,
// says nothing twice. It forgets with the process, and the oldest deliveries first.
type memory struct {
	mu         sync.Mutex
	deliveries map[string]*delivery
	oldest     []string
	told       int // connections of all deliveries
}

// delivery is what is known of one. Its fields belong to memory's lock.
type delivery struct {
	id      string
	told    map[string]struct{}
	receipt string // not empty: all is done
}

func newMemory() *memory { return &memory{deliveries: map[string]*delivery{}} }

// of returns the delivery, and its receipt if it is done.
func (m *memory) of(id string) (d *delivery, receipt string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d = m.deliveries[id]
	if d == nil {
		d = &delivery{id: id, told: map[string]struct{}{}}
		m.deliveries[id] = d
		m.oldest = append(m.oldest, id)
		m.forget()
	}
	return d, d.receipt
}

func (m *memory) has(d *delivery, connection string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := d.told[connection]
	return ok
}

func (m *memory) add(d *delivery, connection string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(d.told)
	d.told[connection] = struct{}{}
	if len(d.told) > before && m.deliveries[d.id] == d {
		m.told++
		m.forget()
	}
}

// count is how many connections have got it.
func (m *memory) count(d *delivery) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(d.told)
}

// finish keeps nothing but the receipt.
func (m *memory) finish(d *delivery, receipt string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deliveries[d.id] == d {
		m.told -= len(d.told)
	}
	d.told, d.receipt = map[string]struct{}{}, receipt
}

// forget drops the oldest deliveries until what is left is within the bounds. The caller holds mu.
func (m *memory) forget() {
	for len(m.oldest) > maxDeliveries || m.told > maxTold {
		m.told -= len(m.deliveries[m.oldest[0]].told)
		delete(m.deliveries, m.oldest[0])
		m.oldest = m.oldest[1:]
	}
}
