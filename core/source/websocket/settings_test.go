package websocket

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
)

func TestBadSettings(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(page, []byte("no HTML"), 0o600); err != nil {
		t.Fatal(err)
	}
	for settings, want := range map[string]string{
		`{"mode":"other"}`:                                "mode",
		`{"path":"ws"}`:                                   "path",
		`{"route":"action"}`:                              "route",
		`{"routes":["$connect"]}`:                         "routes",
		`{"origins":["https://a.example/x"]}`:             "origins",
		`{"origins":["["]}`:                               "origins",
		`{"subprotocols":["a b"]}`:                        "subprotocols",
		`{"subprotocols":["bearer.x"]}`:                   "subprotocols",
		`{"tokens":[""]}`:                                 "tokens",
		`{"management_tokens":["",""]}`:                   "management_tokens",
		`{"jwt":{}}`:                                      "jwt",
		`{"jwt":{"secrets":[""]}}`:                        "jwt",
		`{"jwt":{"public_keys":["x"]}}`:                   "jwt.public_keys[0]",
		`{"jwt":{"secrets":["x"],"algorithms":["none"]}}`: "algorithms",
		`{"ping_interval":"1ms"}`:                         "ping_interval",
		`{"limits":{"rate":0}}`:                           "limits.rate",
		`{"limits":{"frame_bytes":1}}`:                    "limits.frame_bytes",
		`{"limits":{"message_bytes":1}}`:                  "limits.message_bytes",
		`{"limits":{"queue_bytes":1}}`:                    "limits.queue_bytes",
		`{"limits":{"queue_bytes":131085}}`:               "limits.queue_bytes",
		`{"limits":{"idle":"1ms"}}`:                       "limits.idle",
		`{"durability":"none"}`:                           "durability",
		`{"page":"/nowhere/page.html"}`:                   "page",
		`{"page":"` + page + `"}`:                         "not HTML",
	} {
		_, err := makeSource(settings, source.Deps{Name: "chat", Intake: &memory{}, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry())}, newMetrics())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"chat"`) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
	if _, err := makeSource("{}", source.Deps{}, newMetrics()); err == nil {
		t.Error("made without anything")
	}
}

func TestDefaults(t *testing.T) {
	s := newUnserved(t, "{}")
	if s.Info().Path != "/hooks/chat" || s.Info().Kind != "websocket" || s.Info().Name != "chat" || !s.Info().Subtree {
		t.Errorf("%s at %s", s.Info().Name, s.Info().Path)
	}
	l := s.limits
	if l.Frame != 32<<10 || l.Message != 128<<10 || l.Idle != 10*time.Minute || l.Age != 2*time.Hour || l.Rate != 10000 || l.Burst != 5000 ||
		l.RatePerConnection != 50 || l.BurstOfConnection != 100 || !s.settings.RequireMembership {
		t.Errorf("limits %+v", l)
	}
	if w := s.Info().Warnings; len(w) != 1 || !strings.Contains(w[0], "/hooks/chat") || len(s.Info().Insecure) != 0 {
		t.Errorf("warnings %q, insecure %q", w, s.Info().Insecure)
	}
	s = newUnserved(t, `{"tokens":["short","","a-token-of-24-bytes-or-more"],"origins":["*"],"jwt":{"secrets":["short"]}}`)
	if w := s.Info().Warnings; len(w) != 3 || strings.Contains(strings.Join(w, ""), "short") || !slices.Equal(s.Info().Insecure, []string{"origins"}) {
		t.Errorf("warnings %q, insecure %q", w, s.Info().Insecure)
	}
}

func TestPage(t *testing.T) {
	const script, style = "\nlet a = '<b>'\n", "body { color: red }"
	page := filepath.Join(t.TempDir(), "page.html")
	content := "<!doctype html><title>x</title><style>" + style + "</style><p>hello</p><script>" + script + "</script>"
	if err := os.WriteFile(page, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, `"page":"`+page+`"`)
	k := f.request("/ws", "Upgrade", "", "Connection", "")
	body, err := io.ReadAll(k.response.Body)
	if err != nil || k.response.StatusCode != 200 || string(body) != content {
		t.Errorf("answer %d %s, %v", k.response.StatusCode, body, err)
	}
	digest := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	policy := k.response.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src " + digest(script), "style-src " + digest(style), "connect-src 'self'"} {
		if !slices.Contains(strings.Split(policy, "; "), want) {
			t.Errorf("policy %q without %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	f.join("a")
	if k := f.request("/ws", "method", "HEAD", "Upgrade", "", "Connection", ""); k.response.StatusCode != 200 {
		t.Errorf("HEAD answered %d", k.response.StatusCode)
	}
	if k := f.request("/ws", "method", "POST", "Upgrade", "", "Connection", ""); k.response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST answered %d", k.response.StatusCode)
	}
}

func TestAccessLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	f := newFixture(t, `"access_log":"`+file+`"`)
	k := f.join("a")
	k.send("x")
	f.expect(TypeMessage)
	f.leave(k)
	refused := f.request("/ws")
	f.stop()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(content)) {
		var fields map[string]string
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		got = append(got, fields["routeKey"]+" "+fields["status"]+" "+fields["responseLength"])
		want := `{"requestId":"` + fields["requestId"] + `","ip":"127.0.0.1","requestTime":"22/Nov/2026:09:00:00 +0000","httpMethod":"GET","routeKey":"` +
			fields["routeKey"] + `","status":"` + fields["status"] + `","protocol":"HTTP/1.1","responseLength":"` + fields["responseLength"] + `"}` + "\n"
		if line != want {
			t.Errorf("line %swant %s", line, want)
		}
	}
	if want := []string{"$connect 200 0", "$default 200 0", "$disconnect 200 0", "$connect 400 " + refused.response.Header.Get("Content-Length")}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}

	f = newFixture(t, "")
	f.leave(f.join("a"))
	if log := f.log.String(); strings.Count(log, `"access":{"requestId":`) != 2 {
		t.Errorf("log %s", log)
	}
	f = newFixture(t, `"access_log":"off"`)
	f.leave(f.join("a"))
	if log := f.log.String(); strings.Contains(log, "requestId") {
		t.Errorf("log %s", log)
	}
	f = newFixture(t, `"access_log":"/nowhere/access.log"`) // does not keep the source from starting
	f.leave(f.join("a"))
	if log := f.log.String(); strings.Count(log, "access log cannot be written") != 1 {
		t.Errorf("log %s", log)
	}
}

func TestMessageLimitExceedsFragments(t *testing.T) {
	for limits, want := range map[string]bool{
		`{"frame_bytes":128,"message_bytes":131072}`:                           false,
		`{"frame_bytes":128,"message_bytes":132096}`:                           true,
		`{"frame_bytes":32768,"message_bytes":2097152,"queue_bytes":33554432}`: false,
	} {
		s := newUnserved(t, `{"limits":`+limits+`}`)
		if w := strings.Join(s.Info().Warnings, "; "); strings.Contains(w, "limits.message_bytes") != want {
			t.Errorf("limits %s: warnings %q", limits, w)
		}
	}
}

// The queue must hold the largest message and its frame header, or that message could never be sent.
func TestQueueHoldsLargestMessage(t *testing.T) {
	f := newFixture(t, `"limits":{"queue_bytes":131086}`)
	k := f.join("a")
	if err := f.Send(k.id, make([]byte, 128<<10), true); err != nil {
		t.Error(err)
	}
	if got := k.next(); len(got.Payload) != 128<<10 {
		t.Errorf("received %d bytes", len(got.Payload))
	}
	f.leave(k)
}
