package e2es3

import (
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// A short run of what make e2e-s3 does at length: after kills of router and plugin, both buckets hold the same.
func TestRun(t *testing.T) {
	testenv.Need(t, testenv.MinIO, testenv.Rclone)
	bin := t.TempDir()
	if err := testbed.Build(bin, "core/cmd/pointsman", "plugins/s3-mirror"); err != nil {
		t.Fatal(err)
	}
	o := options{
		ops: 100, writers: 8, keys: 30, kills: 1, hold: 200 * time.Millisecond, timeout: time.Minute, seed: 1, destination: "minio", bin: bin,
	}
	if err := run(t.Context(), o, t.TempDir()); err != nil {
		t.Fatal(err)
	}
}

// The verdict complains of everything that it can see.
func TestComplaint(t *testing.T) {
	for name, v := range map[string]verdict{
		"difference": {done: 1, differences: s3test.Differences{"a key"}},
		"dead":       {done: 1, dead: 1},
		"pending":    {done: 1, pending: 1},
		"unfinished": {done: 1, unfinished: 1},
		"nothing":    {},
	} {
		if v.complaint() == nil {
			t.Errorf("%s: no complaint about %s", name, v)
		}
	}
	if err := (verdict{done: 1}).complaint(); err != nil {
		t.Errorf("all is well, and it complains: %v", err)
	}
}
