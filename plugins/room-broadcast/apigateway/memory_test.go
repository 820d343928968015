package apigateway

import (
	"fmt"
	"testing"
)

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	first, _ := m.of("first")
	m.add(first, "a")
	for i := range maxDeliveries {
		d, _ := m.of(fmt.Sprint(i))
		m.add(d, "a")
	}
	m.add(first, "b") // a dropped delivery can still be used
	m.finish(first, "done")
	if len(m.deliveries) != maxDeliveries || len(m.oldest) != maxDeliveries || m.reached != maxDeliveries {
		t.Errorf("%d deliveries in %d places with %d connections", len(m.deliveries), len(m.oldest), m.reached)
	}
	big, _ := m.of("big")
	for i := range maxReached - 10 {
		m.add(big, fmt.Sprint(i))
	}
	if m.reached > maxReached || m.count(big) != maxReached-10 {
		t.Errorf("%d connections, %d of them of the last delivery", m.reached, m.count(big))
	}
	m.finish(big, "done")
	if _, receipt := m.of("big"); receipt != "done" || m.reached > 10 {
		t.Errorf("receipt %q, %d connections", receipt, m.reached)
	}
}
