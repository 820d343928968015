package s3

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

var update = flag.Bool("update", false, "rewrite testdata/golden/*.json")

// TestGolden decodes the body of each testdata/golden/<dialect>-<name>.http, requests as stores sent them, and compares the
// events with the .json beside it. A new case is a new file and a run with -update.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".http")
		t.Run(name, func(t *testing.T) {
			got := describe(t, recorded(t, name))
			want := strings.TrimSuffix(file, ".http") + ".json"
			if *update {
				if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			text, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

type goldenEvent struct {
	Quarantine string          `json:"quarantine,omitempty"`
	Keys       []string        `json:"keys"`
	Envelope   json.RawMessage `json:"envelope"`
	// Body is only printed where it is not the whole request body.
	Body string `json:"body,omitempty"`
}

// describe prints the events of a body, or the error that quarantines it.
func describe(t *testing.T, body string) string {
	t.Helper()
	events, err := decodeAny(dialectAuto, []byte(body), DecodeOptions{})
	out := struct {
		Error  string        `json:"error,omitempty"`
		Events []goldenEvent `json:"events"`
	}{Events: []goldenEvent{}}
	if err != nil {
		out.Error = err.Error()
	}
	for i := range events {
		out.Events = append(out.Events, describeEvent(t, &events[i]))
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func describeEvent(t *testing.T, e *source.Event) goldenEvent {
	t.Helper()
	checkEnvelope(t, e.Envelope)
	g := goldenEvent{Quarantine: e.Quarantine, Body: string(e.Envelope.GetBody())}
	for _, k := range e.Keys {
		g.Keys = append(g.Keys, k.Value+" for "+k.Window.String())
	}
	kept := e.Envelope.Body
	e.Envelope.Body = nil
	text, err := protojson.Marshal(e.Envelope)
	e.Envelope.Body = kept
	var compact bytes.Buffer // protojson varies its spaces on purpose
	if err := errors.Join(err, json.Compact(&compact, text)); err != nil {
		t.Fatal(err)
	}
	g.Envelope = compact.Bytes()
	return g
}

// Every dialect needs an example.
func TestGoldenHasAllStores(t *testing.T) {
	seen := map[string]bool{}
	files, err := filepath.Glob("testdata/golden/*.http")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		events, _ := decodeAny(dialectAuto, []byte(recorded(t, strings.TrimSuffix(filepath.Base(file), ".http"))), DecodeOptions{})
		for i := range events {
			if d, ok := events[i].Envelope.Data.(*pointsmanv1.Envelope_S3); ok {
				seen[d.S3.GetDialect()] = true
			}
		}
	}
	for dialect := range grammars {
		if !seen[dialect] {
			t.Errorf("no recorded request of %s", dialect)
		}
	}
}
