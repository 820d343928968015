package reconcile_test

import (
	"strings"
	"testing"

	"github.com/pointsman/pointsman/plugins/s3-mirror/reconcile"
)

// versitygw lists a control character as U+FFFD, MinIO lists it escaped. The run leaves out the key of versitygw, reports
// it, and repairs and deletes everything else.
func TestGarbledKeys(t *testing.T) {
	s := start(t)
	p := s.pair(t, "garbled", "", "")
	p.config.Deletes = true
	for _, key := range []string{"a", "b\x01c", "bz", "line\nbreak", "\ufffd", "z"} {
		mustPut(t, p.from, key, "body")
	}
	for _, key := range []string{"a", "b\x01c", "b\x1fextra", "extra"} {
		mustPut(t, p.to, key, "body")
	}
	got := p.run(t, nil)
	expect(t, got, "missing 5, different 0, extra 1: repaired 5, deleted 1, failed 2, left 0, unchanged 1")
	got = p.run(t, nil)
	expect(t, got, "missing 1, different 0, extra 0: repaired 1, deleted 0, failed 2, left 0, unchanged 5")
	if !exists(t, p.to, "b\x01c") || !exists(t, p.to, "b\x1fextra") {
		t.Error("a key that was left out was deleted")
	}
	for i, want := range []string{"b\ufffdc", "b\ufffdextra"} {
		if i >= len(got.Failures) || got.Failures[i].Key != want || !strings.Contains(got.Failures[i].Error, `left out: the destination, bucket "garbled-copy"`) {
			t.Errorf("failures %+v, want %q among them", got.Failures, want)
		}
	}
}

// Garbled keys of the source do not make objects of the destination look extra.
func TestGarbledSource(t *testing.T) {
	source := objects("a", "b\ufffdc", "ba")
	source[1].Garbled = true
	o := lists(pages(nil, source), pages(nil, objects("a", "ba")))
	r, err := reconcile.New(o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, got, "missing 0, different 0, extra 0: repaired 0, deleted 0, failed 1, left 0, unchanged 2")
}
