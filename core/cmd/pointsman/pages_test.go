package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// command runs a command line in this process, with the clock of the fake router, and returns what a user sees.
func command(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, problems bytes.Buffer
	s := streams{in: strings.NewReader(""), out: &out, err: &problems, now: func() time.Time { return fakeNow }}
	root := newRoot(s)
	root.SetArgs(args)
	code = exitCode(root.ExecuteContext(ctx), s.err)
	return code, out.String(), problems.String()
}

// TestPages compares what each command prints, and what it asks the router, with testdata/pages. UPDATE=1 writes them.
func TestPages(t *testing.T) {
	router, socket := startFake(t)
	for name, args := range map[string]string{
		"status":           "status",
		"status-json":      "status --json",
		"status-color":     "status --color always",
		"events-list":      "events list",
		"events-list-json": "events list --json",
		"events-list-some": "events list --source lab --state dead --rule r --plugin p --type intdash. --since 2h --until 2026-11-27T05:00:00Z --match event.data.x==1 --limit 2",
		"events-list-none": "events list --source none",
		"events-match":     "events list --match (",
		"events-show":      "events show 43",
		"events-show-full": "events show lab/d41cd3e1 --full --color always",
		"events-show-json": "events show d41cd3e1 --json",
		"events-binary":    "events show 42",
		"events-sensitive": "events show 40",
		"events-missing":   "events show 7",
		"events-explain":   "events show 43 --explain",
		"explain":          "explain 43",
		"explain-color":    "explain 43 --rule new --color always",
		"explain-json":     "explain lab/d41cd3e1 --rule new --json",
		"explain-missing":  "explain 7",
		"explain-files":    "explain 43 --rules files --config testdata/explain",
		"explain-body":     "explain --source uploads --body testdata/explain/put.json --config testdata/explain",
		"explain-refused":  "explain --source uploads --body testdata/explain/wrong.json --config testdata/explain",
		"explain-envelope": "explain -e testdata/explain/event.json --config testdata/explain",
		"explain-export":   "explain -e testdata/explain/export.json --config testdata/explain --rule done --json",
		"explain-running":  "explain -e testdata/explain/event.json --config testdata/explain --rules router",
		"explain-typo":     "explain -e testdata/explain/typo.json --config testdata/explain",
		"explain-no-rule":  "explain -e testdata/explain/event.json --config testdata/explain --rule dne",
		"explain-invalid":  "explain -e testdata/explain/event.json --config testdata/explain/invalid.hcl.bad",
		"explain-nothing":  "explain",
		"explain-both":     "explain 43 -e x",
		"explain-alone":    "explain --body x",
		"events-replay":    "events show 41",
		"events-waiting":   "events show 39",
		"events-tail":      "events tail --source chat --max-rate 5",
		"events-tail-json": "events tail --source chat --json",
		"dead-list":        "dead list",
		"dead-list-json":   "dead list --json --fail-if-any --plugin ops --rule r --reason rejected --source s --since 1d --until 1h --match true",
		"dead-list-none":   "dead list --plugin mail --fail-if-any",
		"dead-show":        "dead show k3v9x2-31",
		"dead-show-json":   "dead show k3v9x2-3 --json",
		"dead-missing":     "dead show nothing",
		"dead-retry":       "dead retry --plugin ops --yes",
		"dead-retry-json":  "dead retry --all --yes --json",
		"dead-retry-dry":   "dead retry k3v9x2-31 k3v9x2-3 --dry-run",
		"dead-retry-none":  "dead retry --plugin mail --yes",
		"dead-retry-ids":   "dead retry none --yes",
		"dead-retry-rule":  "dead retry rule-failed --yes",
		"dead-drop":        "dead drop --reason rejected --until 30d --yes",
		"dead-drop-dry":    "dead drop --all --dry-run --json",
		"replay-number":    "replay 41 42 43 --rule a --rule b --yes",
		"replay-filter":    "replay --source lab --state done --type intdash. --since 2h --match true --yes --rate 100000/s",
		"replay-dry":       "replay --all --dry-run",
		"replay-json":      "replay 43 --yes --json",
		"replay-unmatched": "replay 42 --yes",
		"replay-missing":   "replay 41 7 --yes",
		"plugins-list":     "plugins list",
		"plugins-json":     "plugins list --json",
		"plugins-restart":  "plugins restart ops",
		"plugins-missing":  "plugins restart nothing",
		"plugins-logs":     "plugins logs ops",
		"plugins-silent":   "plugins logs mail",
		"rooms-list":       "rooms list",
		"rooms-list-json":  "rooms list --source chat --json",
		"rooms-wrong":      "rooms list --source lab",
		"rooms-members":    "rooms members lobby",
		"rooms-json":       "rooms members lobby --source chat --json --limit 1",
		"rooms-empty":      "rooms members nobody",
		"rooms-close":      "rooms close lobby --source chat --code 4000 --reason bye",
		"rooms-close-one":  "rooms close --connection 7f3a --json",
		"rooms-close-none": "rooms close --connection none",
		"rooms-close-room": "rooms close empty",
		"dead-retry-old":   "dead retry --plugin old --yes",
		"events-tail-none": "events tail --source chat --plugin nosuch",
		"events-name":      "events list --source none --rule nosuch --plugin old",
	} {
		t.Run(name, func(t *testing.T) {
			code, out, problems := command(t.Context(), append(strings.Fields(args), "--socket", socket)...)
			got := fmt.Sprintf("$ pointsman %s\nexit code %d\n\n--- asked\n%s\n--- stdout\n%s\n--- stderr\n%s", args, code, router.requests(), out, problems)
			comparePage(t, filepath.Join("testdata/pages", name+".txt"), got)
		})
	}
}

func comparePage(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the page differs from %s (-want +got):\n%s", file, diff)
	}
}

// A reload says what changed or why nothing did, and that the configuration in force stays.
func TestReloadPages(t *testing.T) {
	router, socket := startFake(t)
	for _, outcome := range []string{"changed", "nothing", "failed", "busy"} {
		for _, flag := range []string{"", "--json"} {
			router.reload = outcome
			code, out, problems := command(t.Context(), append(strings.Fields("reload --socket "+socket), strings.Fields(flag)...)...)
			got := fmt.Sprintf("$ pointsman reload %s\nexit code %d\n\n--- asked\n%s\n--- stdout\n%s\n--- stderr\n%s", flag, code, router.requests(), out, problems)
			comparePage(t, filepath.Join("testdata/pages", "reload-"+outcome+strings.ReplaceAll(flag, "--", "-")+".txt"), got)
		}
	}
}

// A rate makes pages of a tenth of a second's worth, so that it is even.
func TestRateMakesPagesSmall(t *testing.T) {
	for rate, want := range map[string]int32{"": 1000, "2000/s": 40, "5/s": 1, "10/m": 1, "100000/s": 1000} {
		f := bulkFlags{rate: rate}
		limit, err := f.limit()
		if err != nil {
			t.Fatal(err)
		}
		size, limiter := pacing(limit)
		if size != want || limiter.Burst() != int(want) {
			t.Errorf("%q: pages of %d, burst %d, want %d", rate, size, limiter.Burst(), want)
		}
	}
}

func TestStatusTellsHealth(t *testing.T) {
	router, socket := startFake(t)
	for health, want := range map[adminv1.Health]int{
		adminv1.Health_HEALTH_OK: exitOK, adminv1.Health_HEALTH_DEGRADED: exitFindings, adminv1.Health_HEALTH_FAILING: exitFailed,
	} {
		router.health = health
		if code, _, problems := command(t.Context(), "status", "--socket", socket); code != want || problems != "" {
			t.Errorf("%s: exit code %d, want %d; stderr %q", health, code, want, problems)
		}
	}
}

// A tail ends cleanly when its user has seen enough.
func TestTailEndsWithCtrlC(t *testing.T) {
	_, socket := startFake(t)
	ctx, stop := context.WithCancel(t.Context())
	out := &stopAfter{lines: 7, stop: stop}
	s := streams{in: strings.NewReader(""), out: out, err: out, now: func() time.Time { return fakeNow }}
	root := newRoot(s)
	root.SetArgs([]string{"events", "tail", "--socket", socket})
	if code := exitCode(root.ExecuteContext(ctx), out); code != exitOK {
		t.Errorf("exit code %d, output:\n%s", code, out.text.String())
	}
}

// stopAfter calls stop after so many lines.
type stopAfter struct {
	text  strings.Builder
	lines int
	stop  func()
}

func (s *stopAfter) Write(p []byte) (int, error) {
	s.text.Write(p)
	if strings.Count(s.text.String(), "\n") == s.lines {
		s.stop()
	}
	return len(p), nil
}

// Ctrl-C stops a change between two pages, and the command says how far it came.
func TestChangeStopsBetweenPages(t *testing.T) {
	router, socket := startFake(t)
	ctx, stop := context.WithCancel(t.Context())
	router.onPage = func() error { stop(); return nil }
	code, out, problems := command(ctx, "dead", "retry", "--all", "--yes", "--socket", socket)
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	if want := "retried 1,000 dead letters\n3 others cannot be retried because their rules failed. Mend them, then run:\n"; !strings.HasPrefix(out, want) {
		t.Errorf("stdout %q, want %q", out, want)
	}
	if want := "Plugin old is not configured: its dead letters wait until it is.\n" +
		"Stopped after 1,000 of 1,204 dead letters: run the command again for the rest.\nError: interrupted\n"; problems != want {
		t.Errorf("stderr %q, want %q", problems, want)
	}
}

// A failure in the middle keeps its own message and exit code.
func TestChangeFails(t *testing.T) {
	router, socket := startFake(t)
	pages := 0
	router.onPage = func() error {
		if pages++; pages == 2 {
			return connect.NewError(connect.CodeUnavailable, errors.New("the router is stopping"))
		}
		return nil
	}
	code, out, problems := command(t.Context(), "dead", "drop", "--all", "--yes", "--socket", socket)
	if code != exitUnreachable || out != "dropped 1,000 dead letters\n" {
		t.Errorf("exit code %d, stdout %q", code, out)
	}
	if want := "Stopped after 1,000 of 1,204 dead letters: run the command again for the rest.\nError: the router is stopping\n"; problems != want {
		t.Errorf("stderr %q, want %q", problems, want)
	}
}

// A stopped router's journal is read by the same commands, through the same API.
func TestStoppedRouter(t *testing.T) {
	original := openStopped
	t.Cleanup(func() { openStopped = original })
	router, opened, closed := &fakeRouter{stopped: true}, "", false
	openStopped = func(_ context.Context, journal string, _ *slog.Logger) (http.Handler, func() error, error) {
		opened = journal
		return router.handler(), func() error { closed = true; return nil }, nil
	}
	code, out, problems := command(t.Context(), "events", "list", "--journal", "data/journal.db")
	if code != exitOK || !strings.Contains(out, "c0ffee") || problems != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, out, problems)
	}
	if opened != "data/journal.db" || !closed {
		t.Errorf("opened %q, closed: %v", opened, closed)
	}
	code, out, problems = command(t.Context(), "status", "--journal", "data/journal.db")
	comparePage(t, "testdata/pages/status-journal.txt", fmt.Sprintf("exit code %d\n\n--- stdout\n%s\n--- stderr\n%s", code, out, problems))
	openStopped = func(context.Context, string, *slog.Logger) (http.Handler, func() error, error) {
		return nil, nil, errors.New("the journal is open in another process")
	}
	if code, _, problems := command(t.Context(), "status", "--journal", "x"); code != exitFailed || problems != "Error: the journal is open in another process\n" {
		t.Errorf("exit code %d, stderr %q", code, problems)
	}
}
