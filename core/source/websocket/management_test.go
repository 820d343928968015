package websocket

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const managerToken = "a-manager-token-of-24-bytes-or-more"

// managed is an answer of the management API; kind is the error's name.
type managed struct {
	status     int
	kind, body string
}

// manage sends a request to the management API; id is as it is written in the path.
func (f *fixture) manage(method, id, token, body string) managed {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.server.URL+"/ws/%40connections/"+id, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := f.server.Client().Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return managed{status: answer.StatusCode, kind: answer.Header.Get("X-Amzn-Errortype"), body: string(content)}
}

func TestManagement(t *testing.T) {
	f := newFixture(t, `"management_tokens":["`+managerToken+`"]`)
	k := f.join("a", "User-Agent", "test/1")
	id := url.PathEscape(k.id)
	if !strings.HasSuffix(id, "=") {
		t.Fatalf("id %s", id)
	}
	id = strings.TrimSuffix(id, "=") + "%3D"

	f.clock.add(1500 * time.Millisecond)
	if r := f.manage("POST", id, managerToken, "hello"); r != (managed{status: 200}) {
		t.Errorf("POST: %v", r)
	}
	if got := k.next(); string(got.Payload) != "hello" || got.Header.OpCode != 1 {
		t.Errorf("got %v", got)
	}
	if r := f.manage("POST", k.id, managerToken, "\xff"); r.status != 200 {
		t.Errorf("POST: %d", r.status)
	}
	if got := k.next(); string(got.Payload) != "\xff" || got.Header.OpCode != 2 {
		t.Errorf("got %v", got)
	}
	r := f.manage("GET", id, managerToken, "")
	const want = `{"connectedAt":"2026-11-22T09:00:00.000Z","lastActiveAt":"2026-11-22T09:00:01.500Z","identity":{"sourceIp":"127.0.0.1","userAgent":"test/1"}}`
	if r.status != 200 || r.body != want {
		t.Errorf("GET: %v", r)
	}

	for _, c := range []struct {
		name, method, id, token, body string
		status                        int
		kind                          string
	}{
		{"no token", "GET", id, "", "", 403, "ForbiddenException"},
		{"wrong token", "POST", id, "x", "x", 403, "ForbiddenException"},
		{"unknown", "POST", "R0oXAdfD0kwCH6w%3D", managerToken, "x", 410, "GoneException"},
		{"unescaped twice", "POST", strings.ReplaceAll(id, "%", "%25"), managerToken, "x", 410, "GoneException"},
		{"too large", "POST", id, managerToken, strings.Repeat("x", 128<<10+1), 413, "PayloadTooLargeException"},
		{"no such verb", "PUT", id, managerToken, "", 405, "MethodNotAllowedException"},
		{"no id", "GET", "", managerToken, "", 404, "NotFoundException"},
	} {
		r := f.manage(c.method, c.id, c.token, c.body)
		var message map[string]string
		if err := json.Unmarshal([]byte(r.body), &message); err != nil || message["message"] == "" {
			t.Errorf("%s: %s", c.name, r.body)
		}
		if r.status != c.status || r.kind != c.kind {
			t.Errorf("%s: %d %s, want %d %s", c.name, r.status, r.kind, c.status, c.kind)
		}
	}

	full := messageFrame(make([]byte, 1<<20-100), true)
	eventually(t, "the queue is full", func() bool {
		_ = f.hub.find(k.id).send(full)
		r := f.manage("POST", id, managerToken, strings.Repeat("x", 1000))
		return r.status == 429 && r.kind == "LimitExceededException"
	})
	if r := f.manage("DELETE", id, managerToken, ""); r.status != 204 {
		t.Errorf("DELETE: %d", r.status)
	}
	if code := k.ends(); code != codeNormal {
		t.Errorf("closed with %d", code)
	}
	f.expect(TypeDisconnect)
	for _, method := range []string{"POST", "GET", "DELETE"} {
		if r := f.manage(method, id, managerToken, ""); r.status != 410 {
			t.Errorf("%s: %d", method, r.status)
		}
	}
	if strings.Contains(f.log.String(), managerToken) {
		t.Error("the token is in the log")
	}
}

// Without tokens there is no API, and below the path there is nothing else.
func TestNoManagement(t *testing.T) {
	f := newFixture(t, "")
	if r := f.manage("GET", "x", "", ""); r.status != 404 {
		t.Errorf("answer %d", r.status)
	}
	if k := f.request("/ws/other?room=a"); k.response.StatusCode != 404 {
		t.Errorf("answer %d", k.response.StatusCode)
	}
}
