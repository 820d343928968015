package judge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

var update = flag.Bool("update", false, "rewrite testdata/captured/*.json")

// reading is the result of a captured request.
type reading struct {
	Status  int                 `json:"status"`
	Reason  string              `json:"reason,omitempty"` // why the body is not a message
	Message *snsmessage.Message `json:"message,omitempty"`
}

// TestCaptured posts captured requests of emulators to a source that allows their topics but trusts only Amazon. Each
// request is refused, and its body parses as the .json file beside it shows.
func TestCaptured(t *testing.T) {
	files, err := filepath.Glob("testdata/captured/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	e := listen(t, `{"topics":["arn:aws:sns:us-east-1:*:events"],"auto_confirm":true}`, asTheyAre)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			got := read(t, e, file)
			if got.Status != http.StatusForbidden && got.Status != http.StatusBadRequest {
				t.Errorf("status %d", got.Status)
			}
			compare(t, strings.TrimSuffix(file, ".http")+".json", got)
		})
	}
	if len(e.all()) > 0 {
		t.Errorf("%d events got in", len(e.all()))
	}
}

// read posts a captured request and parses its body.
func read(t *testing.T, e *endpoint, file string) reading {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	captured, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(captured.Body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = captured.Header
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got := reading{Status: answer.StatusCode}
	got.Message, err = snsmessage.Parse(body)
	if u, ok := errors.AsType[*source.Undecodable](err); ok {
		got.Reason = u.Reason
	}
	return got
}

func compare(t *testing.T, golden string, got reading) {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(got); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
