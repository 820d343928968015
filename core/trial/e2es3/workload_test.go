package e2es3

import (
	"io"
	"testing"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// The same seed gives the same operations, whichever writer is faster.
func TestWorkloadRepeats(t *testing.T) {
	draws := func() (names []string) {
		w := (&workload{seed: 7, keys: makeKeys(30, true), log: io.Discard}).writer(3)
		for range 100 {
			names = append(names, w.draw().name, w.word())
		}
		return names
	}
	a, b := draws(), draws()
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("draw %d: %s, then %s", i, a[i], b[i])
		}
	}
}

// No operation fails for any of the keys, on a foreign server.
func TestOperations(t *testing.T) {
	server := s3test.MinIO(t, nil)
	if err := makeVersionedBucket(t.Context(), server, bucket); err != nil {
		t.Fatal(err)
	}
	load := &workload{client: server.Client(), bucket: bucket, keys: makeKeys(len(patterns), true), seed: 1, log: io.Discard}
	w := load.writer(0)
	for _, op := range operations {
		for _, key := range load.keys {
			if err := op.do(w, t.Context(), key); err != nil {
				t.Errorf("%s %q: %v", op.name, key, err)
			}
		}
	}
}
