package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// newLogger returns the logger of a plugin. It writes lines of JSON in the form that go-plugin's client reads from standard
// error. level is the value of handshake.EnvLogLevel.
func newLogger(w io.Writer, level string, secrets *scrubber) (*slog.Logger, hclog.Logger) {
	l := hclog.LevelFromString(level)
	if l == hclog.NoLevel {
		l = hclog.Info
	}
	h := hclog.New(&hclog.LoggerOptions{Level: l, JSONFormat: true, Output: &lineWriter{w: w}})
	return slog.New(&logHandler{out: h, secrets: secrets}), h
}

// logHandler passes slog's records to hclog and removes secrets from messages and values. Keys stay as they are; a key in a
// group becomes "group.key".
type logHandler struct {
	out     hclog.Logger
	secrets *scrubber
	prefix  string
}

func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return levelOf(level) >= h.out.GetLevel()
}

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	args := make([]any, 0, 2*r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		args = h.appendAttr(args, h.prefix, a)
		return true
	})
	h.out.Log(levelOf(r.Level), h.text(r.Message), args...)
	return nil
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var args []any
	for _, a := range attrs {
		args = h.appendAttr(args, h.prefix, a)
	}
	return &logHandler{out: h.out.With(args...), secrets: h.secrets, prefix: h.prefix}
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &logHandler{out: h.out, secrets: h.secrets, prefix: h.prefix + name + "."}
}

func (h *logHandler) appendAttr(args []any, prefix string, a slog.Attr) []any {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			args = h.appendAttr(args, prefix, inner)
		}
		return args
	}
	if a.Equal(slog.Attr{}) {
		return args
	}
	return append(args, prefix+a.Key, h.value(v))
}

// value returns the form of a value that reads best in JSON.
func (h *logHandler) value(v slog.Value) any {
	switch v.Kind() {
	case slog.KindString:
		return h.text(v.String())
	case slog.KindDuration:
		return v.Duration().String()
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	case slog.KindAny:
		return h.any(v.Any())
	}
	return v.Any()
}

// any returns a value as JSON without secrets, or as text if it cannot be encoded.
func (h *logHandler) any(v any) any {
	if err, ok := v.(error); ok && err != nil {
		return h.text(err.Error())
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return h.text(fmt.Sprintf("%+v", v))
	}
	text := h.text(string(encoded))
	if !json.Valid([]byte(text)) { // text was cut, or a secret contained a quote
		return text
	}
	return json.RawMessage(text)
}

func (h *logHandler) text(s string) string { return short(h.secrets.clean(s)) }

// maxLogText limits one text in a log line, of which eight fit into a line.
const maxLogText = handshake.MaxLogLine / 8

func short(s string) string {
	if len(s) <= maxLogText {
		return s
	}
	return strings.ToValidUTF8(s[:maxLogText-3], "") + "..."
}

func levelOf(l slog.Level) hclog.Level {
	switch {
	case l < slog.LevelDebug:
		return hclog.Trace
	case l < slog.LevelInfo:
		return hclog.Debug
	case l < slog.LevelWarn:
		return hclog.Info
	case l < slog.LevelError:
		return hclog.Warn
	}
	return hclog.Error
}

// lineWriter shortens lines that the router's reader would cut. hclog makes one Write per line.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) Write(line []byte) (int, error) {
	n := len(line)
	if n >= handshake.MaxLogLine {
		line = shorten(line)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write(line)
	return n, err
}

// shorten reduces a line that is too long to its level, message and time.
func shorten(line []byte) []byte {
	var head struct {
		Level     string `json:"@level"`
		Message   string `json:"@message"`
		Timestamp string `json:"@timestamp"`
		Cut       int    `json:"cut_bytes"`
	}
	if json.Unmarshal(line, &head) != nil {
		return append(bytes.ToValidUTF8(line[:maxLogText], nil), '\n')
	}
	head.Message, head.Cut = short(head.Message), len(line)
	out, _ := json.Marshal(head)
	return append(out, '\n')
}
