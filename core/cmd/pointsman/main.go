// Command pointsman runs the event router, checks its configuration and sends it test events.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version = "dev"

func main() {
	os.Exit(execute(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, now: time.Now}))
}

// streams are a command's standard streams: results go to out, messages for people to err. With them comes the clock that what is
// printed refers to.
type streams struct {
	in       io.Reader
	out, err io.Writer
	now      func() time.Time
}

// execute runs one command line and returns the exit code.
func execute(args []string, s streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal kills the process, which is safe: the journal is consistent at every instant. Signals within a second count
	// as one, because timeout(1) and some supervisors signal both the process and its group.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	root := newRoot(s)
	root.SetArgs(longFlags(root, args))
	return exitCode(root.ExecuteContext(ctx), s.err)
}
