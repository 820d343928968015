package source

import (
	"net/http"
	"testing"
)

func TestHandshake(t *testing.T) {
	tests := []struct {
		name, body, key string
		status          int
		code            string // "": the reply
	}{
		{"handshake", "who are you", "good", 200, ""},
		{"unauthentic handshake", "who are you", "bad", 401, "unauthorized"},
		{"not for this source", "are you somebody else", "good", 404, "unknown_path"},
		{"cannot respond yet", "no response yet", "good", 503, "not_verified"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &store{}
			f := newFixture(t, s)
			got := replyOf(f.post(tt.body, "Key", tt.key))
			if tt.code != "" {
				wantProblem(t, got, tt.status, tt.code)
			} else if got.status != tt.status || string(got.body) != `{"i":"am"}` || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("answer %d %q, header %v", got.status, got.body, got.header)
			}
			if len(s.events) != 0 {
				t.Errorf("stored %v", s.events)
			}
		})
	}
	s := &store{}
	f := newFixture(t, s)
	if got := f.post("known"); got.Code != http.StatusNoContent || len(s.events) != 1 {
		t.Errorf("an event that is not a handshake: status %d, stored %v", got.Code, s.events)
	}
}

func TestSubtree(t *testing.T) {
	f := newFixture(t, &store{}, func(o *WebhookOptions) { o.Info.Subtree = true })
	plain := newFixture(t, &store{}, func(o *WebhookOptions) { o.Name, o.Info.Path = "plain", "/hooks/test/plain" })
	server, err := NewServer(ServerOptions{Sources: []Source{f, plain}, Log: f.options.Log, Metrics: f.m})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/hooks/test": "test", "/hooks/test/a": "test", "/hooks/test/a/b": "test", "/hooks/test/": "test",
		"/hooks/test/plain": "plain", "/hooks/test/plain/a": "", "/hooks/testa": "", "/hooks": "", "/": "", "": "", "*": "",
	} {
		got := ""
		if src, ok := server.find(path); ok {
			got = src.Name
		}
		if got != want {
			t.Errorf("find(%q) = %q, want %q", path, got, want)
		}
	}
	f.options.Info.Path = "/"
	if err := server.Mount([]Source{f, plain}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"/": true, "/a": true, "/a/b": true, "/hooks/test/plain": true, "": false, "*": false} {
		if _, ok := server.find(path); ok != want {
			t.Errorf("find(%q) below / = %t, want %t", path, ok, want)
		}
	}
}
