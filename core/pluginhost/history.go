package pluginhost

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// maxPanic limits the text of a panic that is kept, in bytes.
const maxPanic = 16 << 10

// history is the output of all processes of a plugin, one after the other. Lines are kept as written and formatted when they are
// read, because plugins write often and people read rarely.
type history struct {
	lines tail

	mu        sync.Mutex
	lastPanic string
}

// started marks where the output of a process begins.
func (h *history) started(pid int) {
	h.lines.add(fmt.Appendf(nil, "--- process %d started %s ---", pid, time.Now().UTC().Format(time.RFC3339)))
}

// ended marks where the output of a process that was lost ends, and why it was lost.
func (h *history) ended(pid int, err error) {
	why := "was lost"
	if lost, ok := errors.AsType[*LostError](err); ok {
		why = lost.Detail
	}
	h.lines.add(fmt.Appendf(nil, "--- process %d %s %s ---", pid, why, time.Now().UTC().Format(time.RFC3339)))
}

// crashed records the panic of the process that crashed last, empty if it wrote none.
func (h *history) crashed(panicText string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastPanic = panicText
}

func (h *history) panicText() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return printable(h.lastPanic)
}

// text returns the last maxTail bytes as whole lines, log records as "time LEVEL message key=value".
func (h *history) text() string {
	var b bytes.Buffer
	for line := range bytes.Lines(h.lines.bytes()) {
		line = trimEnd(line)
		if r, ok := parseRecord(line); ok {
			b.WriteString(r.time.UTC().Format(time.RFC3339) + " " + levelText(r.level) + " ")
			line = r.text()
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return printable(string(lastLines(b.Bytes())))
}

func levelText(l slog.Level) string {
	if l == levelTrace {
		return "TRACE"
	}
	return l.String()
}

// printable replaces what a terminal would obey, and what is not UTF-8, because people read the text on a terminal. The text does
// not become longer.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c == unicode.ReplacementChar || !unicode.IsGraphic(c) && c != '\n' && c != '\t' {
			return '?'
		}
		return c
	}, text)
}
