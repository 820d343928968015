package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// levelTrace is hclog's level below debug.
const levelTrace = slog.LevelDebug - 4

// Limits of a plugin's log: a burst that holds a stack trace, then a steady rate. Lines beyond it are counted and dropped.
const (
	logBurst     = 500
	logPerSecond = 100
)

// outputLog writes the output of one process to the router's log and to the plugin's history, and keeps the end of its standard
// error for errors.
//
// go-plugin's own reader is not used: a line such as {"@message":1} makes it panic, and the router with it
// (go-plugin v1.8.0, log_entry.go, unchecked type assertions).
type outputLog struct {
	log     *slog.Logger
	history *history
	tail    tail
	limit   *rate.Limiter

	mu         sync.Mutex
	suppressed int
	reported   time.Time // when suppressed was last logged
	inPanic    bool
	panicText  []byte // the last panic from its first line on, maxPanic bytes at most
}

// newOutputLog expects a logger that has the attributes plugin and pid.
func newOutputLog(log *slog.Logger, h *history) *outputLog {
	return &outputLog{log: log, history: h, limit: rate.NewLimiter(logPerSecond, logBurst)}
}

// started must be called before the first line is read.
func (o *outputLog) started(pid int) {
	o.log = o.log.With("pid", pid)
	o.history.started(pid)
}

// crashed records that the process ended by itself. All of its output must have been read.
func (o *outputLog) crashed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history.crashed(strings.TrimRight(string(o.panicText), "\n"))
}

// stderrLine takes a line of standard error: a log record in JSON, or plain text.
func (o *outputLog) stderrLine(line []byte, cut bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history.lines.add(line)
	o.keepPanic(line)
	if !o.allow() {
		o.tail.add(line)
		return
	}
	if rec, ok := parseRecord(line); ok && !cut {
		if rec.level >= slog.LevelInfo {
			o.tail.add(rec.text())
		}
		o.emit(rec)
		return
	}
	o.tail.add(line)
	text := string(line)
	level := plainLevel(text)
	if o.inPanic {
		level = slog.LevelError
	}
	o.plain(level, "plugin output", text, cut)
}

// keepPanic keeps the line if it belongs to a panic. The caller holds mu.
func (o *outputLog) keepPanic(line []byte) {
	if isPanic(line) {
		o.inPanic, o.panicText = true, nil
	}
	if room := maxPanic - len(o.panicText); o.inPanic && room > 0 {
		o.panicText = append(append(o.panicText, line[:min(len(line), room-1)]...), '\n')
	}
}

// stdoutLine takes a line of standard output after the handshake, where a plugin must not print.
func (o *outputLog) stdoutLine(line []byte, cut bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history.lines.add(line)
	if o.allow() {
		o.plain(slog.LevelWarn, "unexpected output on stdout", string(line), cut)
	}
}

// close logs how many lines were dropped since the last report.
func (o *outputLog) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reportSuppressed()
}

// allow reports whether a line may be logged, and counts it if not. The caller holds mu.
func (o *outputLog) allow() bool {
	if !o.limit.Allow() {
		o.suppressed++
		return false
	}
	if time.Since(o.reported) > time.Second {
		o.reportSuppressed()
	}
	return true
}

func (o *outputLog) reportSuppressed() {
	if o.suppressed > 0 {
		o.log.Warn("plugin logs too much: lines dropped", "lines", o.suppressed)
		o.suppressed, o.reported = 0, time.Now()
	}
}

// plain logs a line that is not a record.
func (o *outputLog) plain(level slog.Level, message, line string, cut bool) {
	r := record{time: time.Now(), level: level, message: message, attrs: []slog.Attr{slog.String("line", line)}}
	if cut {
		r.attrs = append(r.attrs, slog.Bool("cut", true))
	}
	o.emit(r)
}

// emit calls the handler directly, because slog.Logger would set the time to now.
func (o *outputLog) emit(r record) {
	h := o.log.Handler()
	if !h.Enabled(context.Background(), r.level) {
		return
	}
	rec := slog.NewRecord(r.time, r.level, r.message, 0)
	rec.AddAttrs(r.attrs...)
	_ = h.Handle(context.Background(), rec) // slog.Logger ignores this error too
}

// record is a log line in JSON: hclog's (@message, @level, @timestamp) or slog's (msg, level, time).
type record struct {
	time    time.Time
	level   slog.Level
	message string
	attrs   []slog.Attr
}

// text returns the record in one line, for use in an error.
func (r record) text() []byte {
	b := append([]byte(nil), r.message...)
	for _, a := range r.attrs {
		b = fmt.Appendf(b, " %s=%v", a.Key, a.Value)
	}
	return b
}

// parseRecord parses a log line in JSON. It returns false for other JSON, which is then logged as plain text.
func parseRecord(line []byte) (record, bool) {
	if len(line) == 0 || line[0] != '{' {
		return record{}, false
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var fields map[string]any
	if dec.Decode(&fields) != nil || dec.More() {
		return record{}, false
	}
	r := record{time: time.Now()}
	var ok bool
	if r.message, ok = take(fields, "@message", "msg"); !ok {
		return record{}, false
	}
	level, _ := take(fields, "@level", "level")
	r.level = parseLevel(level)
	if at, ok := take(fields, "@timestamp", "time"); ok {
		if t, err := time.Parse(time.RFC3339Nano, at); err == nil {
			r.time = t
		}
	}
	r.attrs = toAttrs(fields)
	return r, true
}

// take removes and returns the first of the names whose value is a string.
func take(fields map[string]any, names ...string) (string, bool) {
	for _, n := range names {
		if s, ok := fields[n].(string); ok {
			delete(fields, n)
			return s, true
		}
	}
	return "", false
}

// toAttrs returns a plugin's keys in order of name. Keys that the router writes itself get a prefix, so that a plugin cannot
// impersonate another.
func toAttrs(fields map[string]any) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(fields))
	for k, v := range fields {
		switch k {
		case "plugin", "pid", slog.TimeKey, slog.LevelKey, slog.MessageKey, slog.SourceKey:
			k = "plugin_" + k
		}
		attrs = append(attrs, slog.Any(k, v))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	return attrs
}

func parseLevel(s string) slog.Level {
	switch strings.ToLower(s) {
	case "trace":
		return levelTrace
	case "debug":
		return slog.LevelDebug
	case "warn", "warning":
		return slog.LevelWarn
	case "error", "fatal", "critical":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// plainLevel reads a prefix such as "[WARN] ".
func plainLevel(line string) slog.Level {
	if rest, ok := strings.CutPrefix(line, "["); ok {
		if name, _, ok := strings.Cut(rest, "]"); ok && len(name) <= len("CRITICAL") {
			return parseLevel(name)
		}
	}
	return slog.LevelInfo
}

// levelName returns the lowest level that log writes, in the spelling of POINTSMAN_PLUGIN_LOG_LEVEL.
func levelName(log *slog.Logger) string {
	for _, l := range []struct {
		level slog.Level
		name  string
	}{{levelTrace, "trace"}, {slog.LevelDebug, "debug"}, {slog.LevelInfo, "info"}, {slog.LevelWarn, "warn"}} {
		if log.Enabled(context.Background(), l.level) {
			return l.name
		}
	}
	return "error"
}

// logLevelEnv returns the environment entry that gives a plugin its log level.
func logLevelEnv(log *slog.Logger) string { return handshake.EnvLogLevel + "=" + levelName(log) }
