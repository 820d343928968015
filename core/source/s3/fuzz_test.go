package s3

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/source"
)

// FuzzDecode starts from all recorded requests. For every body, nothing panics, every event can be stored, and decoding is
// deterministic.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/golden/*.http")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		f.Add([]byte(recorded(f, strings.TrimSuffix(filepath.Base(file), ".http"))))
	}
	f.Add([]byte(bodyOf(putRecord, "null", "{}", `{"eventSource":"ceph:s3"}`)))
	f.Add([]byte(vectors[0].question(f)))
	f.Fuzz(func(t *testing.T, body []byte) {
		kept := string(body)
		events, err := decodeAny(dialectAuto, body, DecodeOptions{})
		again, err2 := decodeAny(dialectAuto, body, DecodeOptions{})
		if string(body) != kept {
			t.Fatal("the body was changed")
		}
		if (err == nil) != (err2 == nil) || !cmp.Equal(ids(events), ids(again)) {
			t.Fatalf("%v, %v and then %v, %v", ids(events), err, ids(again), err2)
		}
		if err != nil {
			if _, ok := errors.AsType[*source.Undecodable](err); !ok || len(events) != 0 {
				t.Fatalf("%d events, %v", len(events), err)
			}
		}
		for i := range events {
			checkEvent(t, &events[i])
		}
		// A source with a fixed dialect must not accept more than one that accepts any.
		for dialect := range grammars {
			if some, err := decodeAny(dialect, body, DecodeOptions{Window: time.Hour}); err == nil && len(some) != len(events) && dialect != dialectVersityGW {
				t.Fatalf("%s makes %d events, auto %d", dialect, len(some), len(events))
			}
		}
		_, err = decodeAny(dialectAuto, body, DecodeOptions{Buckets: []string{"none"}})
		if refused, ok := errors.AsType[*source.Refused](err); ok && refused.Status != http.StatusForbidden {
			t.Fatalf("refused with %d", refused.Status)
		}
	})
}

func ids(events []source.Event) []string {
	all := make([]string, 0, len(events))
	for i := range events {
		all = append(all, events[i].Envelope.GetId())
	}
	return all
}

func checkEvent(t *testing.T, e *source.Event) {
	t.Helper()
	checkEnvelope(t, e.Envelope)
	switch {
	case e.Envelope.GetId() == "" || len(e.Envelope.GetId()) > 128 || len(e.Keys) != 1 || e.Keys[0].Value == "":
		t.Fatalf("id %q, keys %v", e.Envelope.GetId(), e.Keys)
	case e.Quarantine != "":
		return
	case len(e.Envelope.GetSubject()) > 2048:
		t.Fatalf("subject of %d bytes", len(e.Envelope.GetSubject()))
	}
	data := e.Envelope.GetS3()
	if data.GetObject().GetBucket() == "" || data.GetObject().GetKey() == "" && !isBucketType(e.Envelope.GetType()) || data.GetObject().GetSize() < 0 {
		t.Fatalf("event %v", e.Envelope)
	}
	if _, known := grammars[data.GetDialect()]; !known {
		t.Fatalf("dialect %q", data.GetDialect())
	}
}
