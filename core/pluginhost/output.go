package pluginhost

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

const (
	maxLine = handshake.MaxLogLine
	maxTail = 64 << 10

	excerptLines   = 12
	excerptColumns = 300
)

// eachLine calls fn with every line of r, without its line break, until r ends. A line longer than maxLine is cut to its first
// maxLine bytes, and fn gets cut = true. fn must not keep the line.
func eachLine(r io.Reader, fn func(line []byte, cut bool)) {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := br.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if len(line) > 0 {
			fn(trimEnd(line), long)
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = br.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}

func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// lineWriter splits what is written to it into lines, as eachLine does for a reader. It must be used by one goroutine.
type lineWriter struct {
	fn   func(line []byte, cut bool)
	buf  []byte
	skip bool // dropping the rest of a line that was cut
}

// Write implements io.Writer. It keeps an unfinished line until its end arrives.
func (w *lineWriter) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case b == '\n':
			if !w.skip {
				w.fn(trimEnd(w.buf), false)
			}
			w.buf, w.skip = w.buf[:0], false
		case w.skip:
		case len(w.buf) == maxLine:
			w.fn(w.buf, true)
			w.buf, w.skip = w.buf[:0], true
		default:
			w.buf = append(w.buf, b)
		}
	}
	return len(p), nil
}

// flush passes on a last line that has no line break.
func (w *lineWriter) flush() {
	if len(w.buf) > 0 {
		w.fn(w.buf, false)
		w.buf = w.buf[:0]
	}
}

// tail keeps the last lines that were added, maxTail bytes at most.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// bytes returns a copy of the last lines.
func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(lastLines(t.buf))
}

// lastLines returns the last lines of text that fit into maxTail bytes, or the end of the last line if it alone does not fit.
func lastLines(text []byte) []byte {
	if len(text) <= maxTail {
		return text
	}
	start := len(text) - maxTail
	if end := bytes.IndexByte(text[start-1:], '\n'); end >= 0 && start+end < len(text) {
		start += end
	}
	return text[start:]
}

func (t *tail) add(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(append(t.buf, line...), '\n')
	if len(t.buf) > 2*maxTail {
		t.buf = append(t.buf[:0], lastLines(t.buf)...)
	}
}

// excerpt returns the last panic from its first line on, or else the last lines: at most excerptLines of excerptColumns bytes.
func (t *tail) excerpt() string {
	lines := strings.Split(strings.TrimRight(string(t.bytes()), "\n"), "\n")
	first := max(0, len(lines)-excerptLines)
	for i, line := range slices.Backward(lines) {
		if isPanic([]byte(line)) {
			first = i
			break
		}
	}
	lines = lines[first:min(len(lines), first+excerptLines)]
	for i, l := range lines {
		if len(l) > excerptColumns {
			lines[i] = strings.ToValidUTF8(l[:excerptColumns], "") + "..."
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// isPanic reports whether a line is the first of a panic or fatal error of the Go runtime.
func isPanic(line []byte) bool {
	return bytes.HasPrefix(line, []byte("panic: ")) || bytes.HasPrefix(line, []byte("fatal error: "))
}
