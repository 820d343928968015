// Package benchplan measures how long `pointsman plan` takes over a journal with many events, and how much memory it needs: by a
// running router, and over the journal of a stopped one.
package benchplan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

const (
	goalTime   = 30 * time.Second
	goalMemory = 300 << 20
)

type options struct {
	events int
	bin    string
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("bench-plan", "measure pointsman plan over a journal with many events", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	cmd.Flags().IntVar(&o.events, "events", 1_000_000, "number of recorded events")
	return cmd
}

// bench is a router with a full journal, and the configurations that are compared.
type bench struct {
	options
	router       *testbed.Router
	same, change string // paths
}

func run(ctx context.Context, o options, dir string) (err error) {
	b, err := newBench(o, dir)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := fill(ctx, b.router.Journal(), b.same, o.events); err != nil {
		return err
	}
	st, err := os.Stat(b.router.Journal())
	if err != nil {
		return err
	}
	fmt.Printf("plan: %d recorded events of two sources, %d MiB, stored in %.0f s; ten rules, two of them changed\n", o.events, st.Size()>>20, time.Since(began).Seconds())
	if err := b.stopped(ctx); err != nil {
		return err
	}
	return b.running(ctx)
}

// stopped plans over the journal of a router that does not run, in the process of the command.
func (b *bench) stopped(ctx context.Context) error {
	for _, c := range []struct {
		name    string
		exit    int
		against []string
	}{
		{"stopped router, recorded deliveries", 0, nil},
		{"stopped router, two configurations", 2, []string{"--against", b.same}},
	} {
		path := b.same
		if c.exit != 0 {
			path = b.change
		}
		m, err := b.plan(ctx, c.exit, append([]string{path, "--journal", b.router.Journal()}, c.against...))
		if err != nil {
			return err
		}
		fmt.Println(c.name+":", m)
	}
	return nil
}

// running plans by a router that has delivered everything. The memory is that of its process.
func (b *bench) running(ctx context.Context) (err error) {
	if err := b.router.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.router.Stop()) }()
	if err := testbed.Poll(ctx, time.Second, func() (bool, error) {
		pending, err := b.router.Pending(ctx)
		return pending == 0, err
	}); err != nil {
		return err
	}
	before, err := testbed.PeakMemory(b.router.PID())
	if err != nil {
		return err
	}
	m, err := b.plan(ctx, 2, []string{b.change, "--socket", b.router.Socket()})
	if err != nil {
		return err
	}
	if m.memory, err = testbed.PeakMemory(b.router.PID()); err != nil {
		return err
	}
	fmt.Printf("running router: %v; %d MiB before\n", m, before>>20)
	return nil
}

// measurement is what one plan took.
type measurement struct {
	took   time.Duration
	memory int64 // peak, in bytes
}

func (m measurement) String() string {
	word := func(ok bool) string {
		if ok {
			return "reached"
		}
		return "MISSED"
	}
	return fmt.Sprintf("%.1f s (goal %.0f s, %s), %d MiB (goal %d MiB, %s)", m.took.Seconds(), goalTime.Seconds(), word(m.took < goalTime),
		m.memory>>20, goalMemory>>20, word(m.memory < goalMemory))
}

// plan runs the command and fails unless it ends with the exit code and has compared every event.
func (b *bench) plan(ctx context.Context, exit int, args []string) (m measurement, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "pointsman"), append([]string{"plan"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return m, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	m.memory, err = testbed.PeakUntil(cmd.Process.Pid, ended)
	m.took = time.Since(began)
	if code := cmd.ProcessState.ExitCode(); code != exit {
		return m, fmt.Errorf("%s: exit code %d, want %d: %w\n%s", cmd, code, exit, err, &out)
	}
	return m, b.complete(out.String())
}
