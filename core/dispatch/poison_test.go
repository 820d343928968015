package dispatch

import (
	"testing"

	"github.com/pointsman/pointsman/core/journal"
)

func TestSuspects(t *testing.T) {
	type step struct {
		crashed []int64
		clear   int64
		poison  bool
	}
	tests := []struct {
		name  string
		steps []step
		want  []int64 // still suspects
	}{
		{"in company", []step{{crashed: []int64{1, 2, 3}}}, []int64{1, 2, 3}},
		{"company is never convicted", []step{{crashed: []int64{1, 2}}, {crashed: []int64{1, 2}}, {crashed: []int64{1, 2}}}, []int64{1, 2}},
		{"alone once may be bad luck", []step{{crashed: []int64{1, 2}}, {crashed: []int64{1}}}, []int64{1, 2}},
		{"alone twice", []step{{crashed: []int64{1, 2}}, {crashed: []int64{1}}, {crashed: []int64{1}, poison: true}}, []int64{1, 2}},
		{"alone from the start", []step{{crashed: []int64{7}}, {crashed: []int64{7}, poison: true}}, []int64{7}},
		{"an answer clears it", []step{{crashed: []int64{7}}, {clear: 7}, {crashed: []int64{7}}}, []int64{7}},
		{"nothing in flight", []step{{crashed: nil}, {crashed: nil}, {crashed: nil}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := make(poisonDetector)
			for i, step := range tt.steps {
				if step.clear != 0 {
					s.clear(step.clear)
					continue
				}
				var inFlight []sentDelivery
				for _, seq := range step.crashed {
					inFlight = append(inFlight, sentDelivery{delivery: &journal.Delivery{Seq: seq}})
				}
				if got := s.crashed(inFlight); got != step.poison {
					t.Errorf("step %d: poison %v, want %v", i, got, step.poison)
				}
			}
			for _, seq := range tt.want {
				if !s.suspects(seq) {
					t.Errorf("%d is no suspect", seq)
				}
			}
			if len(s) != len(tt.want) {
				t.Errorf("%d suspects, want %d", len(s), len(tt.want))
			}
		})
	}
}
