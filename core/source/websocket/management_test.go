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

// manage sends a request to the management API; id is as it is written in the path.
func (f *fixture) manage(method, id, token, body string) (*http.Response, string) {
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
	return answer, string(content)
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
	if r, body := f.manage("POST", id, managerToken, "hello"); r.StatusCode != 200 || body != "" {
		t.Errorf("POST: %d %q", r.StatusCode, body)
	}
	if got := k.next(); string(got.Payload) != "hello" || got.Header.OpCode != 1 {
		t.Errorf("got %v", got)
	}
	if r, _ := f.manage("POST", k.id, managerToken, "\xff"); r.StatusCode != 200 {
		t.Errorf("POST: %d", r.StatusCode)
	}
	if got := k.next(); string(got.Payload) != "\xff" || got.Header.OpCode != 2 {
		t.Errorf("got %v", got)
	}
	r, body := f.manage("GET", id, managerToken, "")
	const want = `{"connectedAt":"2026-11-22T09:00:00.000Z","lastActiveAt":"2026-11-22T09:00:01.500Z","identity":{"sourceIp":"127.0.0.1","userAgent":"test/1"}}`
	if r.StatusCode != 200 || body != want {
		t.Errorf("GET: %d %s", r.StatusCode, body)
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
		r, body := f.manage(c.method, c.id, c.token, c.body)
		var message map[string]string
		if err := json.Unmarshal([]byte(body), &message); err != nil || message["message"] == "" {
			t.Errorf("%s: %s", c.name, body)
		}
		if r.StatusCode != c.status || r.Header.Get("X-Amzn-Errortype") != c.kind {
			t.Errorf("%s: %d %s, want %d %s", c.name, r.StatusCode, r.Header.Get("X-Amzn-Errortype"), c.status, c.kind)
		}
	}

	full := messageFrame(make([]byte, 1<<20-100), true)
	eventually(t, "the queue is full", func() bool {
		_ = f.hub.find(k.id).send(full)
		r, _ := f.manage("POST", id, managerToken, strings.Repeat("x", 1000))
		return r.StatusCode == 429 && r.Header.Get("X-Amzn-Errortype") == "LimitExceededException"
	})
	if r, _ := f.manage("DELETE", id, managerToken, ""); r.StatusCode != 204 {
		t.Errorf("DELETE: %d", r.StatusCode)
	}
	if code := k.ends(); code != codeNormal {
		t.Errorf("closed with %d", code)
	}
	f.expect(typeDisconnect)
	for _, method := range []string{"POST", "GET", "DELETE"} {
		if r, _ := f.manage(method, id, managerToken, ""); r.StatusCode != 410 {
			t.Errorf("%s: %d", method, r.StatusCode)
		}
	}
	if strings.Contains(f.log.String(), managerToken) {
		t.Error("the token is in the log")
	}
}

// Without tokens there is no API, and below the path there is nothing else.
func TestNoManagement(t *testing.T) {
	f := newFixture(t, "")
	if r, _ := f.manage("GET", "x", "", ""); r.StatusCode != 404 {
		t.Errorf("answer %d", r.StatusCode)
	}
	if k := f.request("/ws/other?room=a"); k.response.StatusCode != 404 {
		t.Errorf("answer %d", k.response.StatusCode)
	}
}
