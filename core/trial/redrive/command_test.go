package redrive

import (
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// A short run of what make redrive does at length. It compares no times.
func TestRun(t *testing.T) {
	bin := t.TempDir()
	if err := testbed.Build(bin, "core/cmd/pointsman", "plugins/sdk/plugintest/pointsman-plugin-noop"); err != nil {
		t.Fatal(err)
	}
	o := options{dead: 500, rate: 100, retry: 500, window: time.Second, bin: bin}
	if err := run(t.Context(), o, t.TempDir()); err != nil {
		t.Fatal(err)
	}
}

// The verdict complains of everything that it can see.
func TestComplaint(t *testing.T) {
	quiet := window{took: time.Second, times: []time.Duration{time.Millisecond}, p99s: []time.Duration{time.Millisecond}}
	good := verdict{before: quiet, during: quiet, after: quiet, done: 5, want: 5}
	o := options{maxChange: 20}
	if err := good.complaint(o); err != nil {
		t.Errorf("all is well, and it complains: %v", err)
	}
	for name, spoil := range map[string]func(v *verdict){
		"nothing":      func(v *verdict) { *v = verdict{} },
		"failed":       func(v *verdict) { v.failed++ },
		"dead letters": func(v *verdict) { v.left++ },
		"deliveries":   func(v *verdict) { v.done-- },
		"slow":         func(v *verdict) { v.during.p99s = []time.Duration{2 * time.Millisecond} },
	} {
		v := good
		spoil(&v)
		if v.complaint(o) == nil {
			t.Errorf("%s: no complaint about %s", name, v)
		}
	}
	slow := good
	slow.during.p99s = []time.Duration{time.Minute}
	if err := slow.complaint(options{}); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}
