package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

func TestLogLines(t *testing.T) {
	secrets := &scrubber{}
	secrets.set([]string{"canary", "info", "https://hooks.example/T000/B000/xyz", "p w\"d"})
	tests := []struct {
		name string
		log  func(l *slog.Logger)
		want map[string]any
	}{
		{
			"keys", func(l *slog.Logger) { l.Info("delivered", "event_id", "e", "attempt", 2, "duration", time.Second) },
			map[string]any{"@level": "info", "@message": "delivered", "event_id": "e", "attempt": 2.0, "duration": "1s"},
		},
		{"groups", func(l *slog.Logger) {
			l.With("a", 1).WithGroup("http").With("b", 2).Warn("m", slog.Group("req", "c", true), slog.Attr{})
		}, map[string]any{"@level": "warn", "@message": "m", "a": 1.0, "http.b": 2.0, "http.req.c": true}},
		{
			"built-in names are free", func(l *slog.Logger) { l.Error("m", "msg", "x", "level", "y", "time", time.Unix(0, 0).UTC()) },
			map[string]any{"@level": "error", "@message": "m", "msg": "x", "level": "y", "time": "1970-01-01T00:00:00Z"},
		},
		{"secrets", func(l *slog.Logger) {
			l.Info("a canary", "err", errors.New("Post https://hooks.example/T000/B000/xyz: refused"), "any", map[string]any{"k": []string{"canary", `p w"d`}}, "path", "/T000/B000/xyz")
		}, map[string]any{
			"@level": "info", "@message": "a (sensitive)", "err": "Post (sensitive): refused",
			"any": map[string]any{"k": []any{"(sensitive)", "(sensitive)"}}, "path": "(sensitive)",
		}},
		{
			"no JSON", func(l *slog.Logger) { l.Info("m", "f", struct{ C chan int }{}, "nil", nil) },
			map[string]any{"@level": "info", "@message": "m", "f": "{C:<nil>}", "nil": nil},
		},
		{"level below", func(l *slog.Logger) { l.Debug("m") }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			l, _ := newLogger(&out, "", secrets)
			tt.log(l)
			if tt.want == nil {
				if out.Len() > 0 {
					t.Errorf("got %s", out.String())
				}
				return
			}
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			// What go-plugin's client demands of a time.
			if _, err := time.Parse("2006-01-02T15:04:05.000000Z07:00", fmt.Sprint(got["@timestamp"])); err != nil {
				t.Error(err)
			}
			delete(got, "@timestamp")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLogLevels(t *testing.T) {
	for level, want := range map[string]int{"trace": 5, "debug": 4, "info": 3, "": 3, "nonsense": 3, "warn": 2, "error": 1, "off": 0} {
		var out bytes.Buffer
		l, _ := newLogger(&out, level, &scrubber{})
		for _, at := range []slog.Level{slog.LevelDebug - 4, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			l.Log(t.Context(), at, "m")
		}
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("level %q: %d lines, want %d", level, got, want)
		}
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("é", handshake.MaxLogLine)
	var args []any
	for i := range 20 {
		args = append(args, fmt.Sprint("k", i), long)
	}
	for name, log := range map[string]func(l *slog.Logger){
		"message": func(l *slog.Logger) { l.Info(long) }, //nolint:sloglint // an author may do it
		"value":   func(l *slog.Logger) { l.Info("m", "v", long, "any", []string{long}, "err", errors.New(long)) },
		"many":    func(l *slog.Logger) { l.Info("m", args...) },
		"keys":    func(l *slog.Logger) { l.Info("m", long, 1) },
	} {
		var out bytes.Buffer
		l, _ := newLogger(&out, "", &scrubber{})
		log(l)
		if n := out.Len(); n == 0 || n >= handshake.MaxLogLine || !json.Valid(out.Bytes()) || !strings.Contains(out.String(), `"@level":"info"`) {
			t.Errorf("%s: %d bytes, JSON %v", name, n, json.Valid(out.Bytes()))
		}
	}
}

func TestScrub(t *testing.T) {
	tests := []struct{ secret, text, want string }{
		{"hunter2", "pass hunter2!", "pass (sensitive)!"},
		{"abc", "abc is too short to tell", "abc is too short to tell"},
		{"a b&c", "q=a+b%26c and a%20b&c", "q=(sensitive) and (sensitive)"},
		{"smtp://bob:hunter2@mail.example:25", "auth with hunter2 at bob:xxxxx@mail.example:25", "auth with (sensitive) at (sensitive)"},
		{"https://h.example/services/T0/X?token=12345678", "GET /services/T0/X and token=12345678", "GET (sensitive) and (sensitive)"},
		{"https://h.example/api", "GET /api from h.example", "GET /api from h.example"},
		{"-----BEGIN KEY-----\nMIIabcdef\nghijkl\n-----END KEY-----\n", "bad line ghijkl", "bad line (sensitive)"},
		{"  padded-secret\n", "saw padded-secret here", "saw (sensitive) here"},
	}
	for _, tt := range tests {
		s := &scrubber{}
		s.set([]string{tt.secret, ""})
		if got := s.clean(tt.text); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.secret, got, tt.want)
		}
	}
}
