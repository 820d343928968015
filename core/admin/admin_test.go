package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startServer runs a server on a free loopback port and returns its base URL.
func startServer(t *testing.T, h *Health) string {
	t.Helper()
	reg := prometheus.NewRegistry()
	NewMetrics(reg, "test")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := New(Options{Health: h, Gatherer: reg, Log: slog.New(slog.DiscardHandler)})
	go func() { done <- s.Run(ctx, ln, nil) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestHealth(t *testing.T) {
	bad := errors.New("journal is full")
	checks := func(err error, informative bool) []Check {
		return []Check{{Name: "journal", Probe: func() error { return err }, Informative: informative}}
	}
	tests := []struct {
		name                 string
		set                  func(*Health)
		live, startup, ready int
	}{
		{"starting", func(*Health) {}, 200, 503, 503},
		{"ready", func(h *Health) { h.Started(func() []Check { return checks(nil, false) }) }, 200, 200, 200},
		{"condition fails", func(h *Health) { h.Started(func() []Check { return checks(bad, false) }) }, 200, 200, 503},
		{"informative condition fails", func(h *Health) { h.Started(func() []Check { return checks(bad, true) }) }, 200, 200, 200},
		{"draining", func(h *Health) { h.Started(func() []Check { return checks(nil, false) }); h.Drain() }, 200, 200, 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := new(Health)
			tt.set(h)
			base := startServer(t, h)
			for path, want := range map[string]int{
				"/livez": tt.live, "/-/healthy": tt.live, "/startupz": tt.startup, "/readyz": tt.ready, "/-/ready": tt.ready,
			} {
				if code, _ := get(t, base+path); code != want {
					t.Errorf("%s: %d, want %d", path, code, want)
				}
			}
		})
	}
}

func TestReadyVerbose(t *testing.T) {
	h := new(Health)
	h.Started(func() []Check {
		return []Check{{Name: "plugin mail", Probe: func() error { return errors.New("backoff") }, Informative: true}}
	})
	code, body := get(t, startServer(t, h)+"/readyz?verbose")
	if code != http.StatusOK {
		t.Errorf("code %d, want 200", code)
	}
	var got readiness
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	last := got.Conditions[len(got.Conditions)-1]
	if !got.Ready || last.Name != "plugin mail" || last.OK || last.Error != "backoff" {
		t.Errorf("got %+v", got)
	}
}

func TestMetricsAndUnknownPath(t *testing.T) {
	base := startServer(t, new(Health))
	if code, body := get(t, base+"/metrics"); code != 200 || !strings.Contains(body, `pointsman_build_info{`) {
		t.Errorf("metrics: %d %s", code, body)
	}
	if code, _ := get(t, base+"/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("unknown path: %d, want 404", code)
	}
}
