package sdk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// stdio redirects the standard streams of a plugin process that a router started.
//
// The first line on standard output must be go-plugin's handshake, and go-plugin reads nothing after it. Therefore os.Stdout
// becomes a pipe: the handshake passes through, and everything else that the plugin prints goes to the log. go-plugin replaces
// os.Stdout and os.Stderr once more while it starts; restore undoes that.
type stdio struct {
	secrets *scrubber
	log     *slog.Logger
	hclog   hclog.Logger

	out, err *os.File      // what os.Stdout and os.Stderr should be
	done     chan struct{} // closed when everything printed is logged
	called   atomic.Bool   // the router has made a call
}

// process is set before main and before the init functions of the plugin's own packages, because a single line printed there
// would break the handshake. It is nil unless a router started the process.
var process = startedByRouter(os.Getenv, os.Args)

// startedByRouter redirects standard output if the environment shows that a router started the process.
func startedByRouter(getenv func(string) string, args []string) *stdio {
	if getenv(handshake.CookieKey) != handshake.CookieValue || len(args) > 1 {
		return nil
	}
	s := &stdio{secrets: &scrubber{}, err: os.Stderr, done: make(chan struct{})}
	s.log, s.hclog = newLogger(os.Stderr, getenv(handshake.EnvLogLevel), s.secrets)
	r, w, err := os.Pipe()
	if err != nil {
		s.log.Error("standard output cannot be redirected: the plugin must not print", "err", err)
		s.out = os.Stdout
		close(s.done)
		return s
	}
	go s.watch(r, os.Stdout)
	s.out, os.Stdout = w, w
	return s
}

// handshakePrefix begins the line that go-plugin's client waits for.
var handshakePrefix = fmt.Sprintf("%d|%d|", plugin.CoreProtocolVersion, handshake.ProtocolVersion)

// watch writes the handshake to the real standard output and logs every other line.
func (s *stdio) watch(r io.Reader, real io.Writer) {
	defer close(s.done)
	lines := bufio.NewReaderSize(r, maxLogText)
	handshaken := false
	for {
		piece, err := lines.ReadSlice('\n') // a line, a part of a very long one, or the rest
		line := string(piece)
		if i := strings.Index(line, handshakePrefix); i >= 0 && !handshaken && strings.HasSuffix(line, "\n") {
			handshaken = true
			_, _ = io.WriteString(real, line[i:])
			line = line[:i] // was printed before the handshake, without a line break
		}
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			s.log.Warn("unexpected output on stdout", "output", line)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// restore sets os.Stdout and os.Stderr to the redirected files.
func (s *stdio) restore() { os.Stdout, os.Stderr = s.out, s.err }

// flush closes standard output and waits a moment until everything printed is logged.
func (s *stdio) flush() {
	_ = s.out.Close()
	select {
	case <-s.done:
	case <-time.After(100 * time.Millisecond):
	}
}
