package source

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestPanicIsLoggedWithStack(t *testing.T) {
	f := newFixture(t, &store{})
	w := f.post("known", "Key", "panic")
	var line struct {
		Level, Source, Outcome, Err string
		RequestID                   string `json:"request_id"`
	}
	if err := json.Unmarshal(f.log.Bytes(), &line); err != nil {
		t.Fatalf("log %q: %v", f.log.Bytes(), err)
	}
	if line.Level != "ERROR" || line.Source != "test" || line.Outcome != "panic" || !strings.Contains(line.Err, "authentication broke") ||
		!strings.Contains(line.Err, "lineProtocol.Authenticate") || line.RequestID != w.Header().Get("X-Request-Id") {
		t.Errorf("log %+v for request %s", line, w.Header().Get("X-Request-Id"))
	}
	if strings.Contains(w.Body.String(), "broke") {
		t.Errorf("the response leaks the cause: %s", w.Body)
	}
}

// A sender of garbage must not be able to fill the log.
func TestRefusalsAreLoggedInSamples(t *testing.T) {
	f := newFixture(t, &store{})
	const requests = 500
	for range requests {
		f.post("known", "Key", "bad")
	}
	if lines := bytes.Count(f.log.Bytes(), []byte("\n")); lines < 1 || lines > requests/10 {
		t.Errorf("%d lines for %d refusals", lines, requests)
	}
	if got := series(t, f.reg)["pointsman_source_auth_failures_total{reason=bad_key,source=test}"]; got != requests {
		t.Errorf("counted %v, want all %d", got, requests)
	}
}
