package rule

import (
	"fmt"
	"math"
	"testing"
)

// TestFraction pins the values: a replay after an update must choose the same events.
func TestFraction(t *testing.T) {
	for id, want := range map[string]float64{"": 0.890, "id-1": 0.920, "id-18": 0.079} {
		if got := fraction(id); math.Abs(got-want) > 0.001 {
			t.Errorf("%q: %.3f, want %.3f", id, got, want)
		}
	}
	const n = 20_000
	taken := 0
	for i := range n {
		if fraction(fmt.Sprint("event-", i)) < 0.05 {
			taken++
		}
	}
	if share := float64(taken) / n; share < 0.045 || share > 0.055 {
		t.Errorf("a sample of 0.05 takes %.4f", share)
	}
}

func TestSampleDoesNotAllocate(t *testing.T) {
	p, env := &program{sample: 0.5}, benchEvent()
	if n := testing.AllocsPerRun(100, func() { p.takes(env) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
