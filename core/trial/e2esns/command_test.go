package e2esns

import (
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// A short run of what make e2e-sns does at length, with a Slack that takes ten times as many messages.
func TestRun(t *testing.T) {
	bin := t.TempDir()
	if err := testbed.Build(bin, "core/cmd/pointsman", "plugins/slack"); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), options{messages: 30, every: 100 * time.Millisecond, timeout: time.Minute, bin: bin}, t.TempDir()); err != nil {
		t.Fatal(err)
	}
}

// The verdict complains of everything that it can see.
func TestComplaint(t *testing.T) {
	all := arrival{of: 3, arrived: 3, ordered: true}
	good := verdict{confirmed: true, first: firstPosted, burst: all, killed: all, hostile: 25, counted: 25}
	if err := good.complaint(); err != nil {
		t.Errorf("all is well, and it complains: %v", err)
	}
	for name, spoil := range map[string]func(v *verdict){
		"nothing":       func(v *verdict) { *v = verdict{} },
		"confirmation":  func(v *verdict) { v.confirmed = false },
		"first":         func(v *verdict) { v.first += " " },
		"burst lost":    func(v *verdict) { v.burst.arrived-- },
		"burst twice":   func(v *verdict) { v.burst.again++ },
		"burst order":   func(v *verdict) { v.burst.ordered = false },
		"too fast":      func(v *verdict) { v.refused = maxRefused + 1 },
		"killed":        func(v *verdict) { v.killed.arrived-- },
		"few URLs":      func(v *verdict) { v.hostile, v.counted = 24, 24 },
		"other reason":  func(v *verdict) { v.counted-- },
		"believed":      func(v *verdict) { v.believed = []string{"http://x"} },
		"connections":   func(v *verdict) { v.connections++ },
		"dead letters":  func(v *verdict) { v.dead++ },
		"none in burst": func(v *verdict) { v.burst = arrival{ordered: true} },
	} {
		v := good
		spoil(&v)
		if v.complaint() == nil {
			t.Errorf("%s: no complaint about %s", name, v)
		}
	}
	again := good
	again.killed.again, again.killed.ordered = 1, false
	if err := again.complaint(); err != nil {
		t.Errorf("a message that came again after a kill: %v", err)
	}
}
