//go:build linux

// Package benchrooms measures WebSocket rooms: what an idle connection costs the router in memory, how many messages a room of a
// thousand receives in a second, beside a bare server that only writes, how long it takes until the last of them has received one, and
// whether one who stops reading makes the others wait. Every message takes the whole way: connection, journal, rule, plugin, room.
// The clients run on the same machine and share its cores with the router, so they do as little as they can: see crowd.go.
package benchrooms

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// options of one run.
type options struct {
	bin, dir       string
	idle, members  int
	rounds, window int
	duration       time.Duration
	rate           int
	size           int
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "bench-rooms",
		Short: "measure WebSocket rooms beside a bare server",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runInDir(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	testbed.BinFlag(flags, &o.bin)
	testbed.DirFlag(flags, &o.dir)
	flags.IntVar(&o.idle, "idle", 10_000, "number of idle connections")
	flags.IntVar(&o.members, "members", 1000, "number of connections in the room")
	flags.IntVar(&o.rounds, "rounds", 5, "how often the time of a message is measured, without and with one who does not read")
	flags.DurationVar(&o.duration, "duration", 10*time.Second, "how long each measurement takes")
	flags.IntVar(&o.rate, "rate", 20, "messages a second while their time is measured")
	flags.IntVar(&o.window, "window", 32, "messages under way while the rate is measured")
	flags.IntVar(&o.size, "size", 100, "bytes of what is said")
	cmd.AddCommand(testbed.BareCommand(serveBare))
	return cmd
}

func runInDir(ctx context.Context, o options) error {
	return testbed.InDir(o.dir, "bench-rooms", func(dir string) error { return run(ctx, o, dir) })
}

const config = `
source "websocket" "chat" {
  path       = "/ws"
  access_log = "off"

  limits {
    connections          = 50000
    connections_per_ip   = 50000
    connections_per_room = 50000
    connects_per_second  = 50000
    rate                 = 1000000
    burst                = 1000000
    connection_rate      = 1000000
    connection_burst     = 1000000
    write_timeout        = "10m"   # or who does not read would be gone before the measurement ends
  }
}

plugin "room-broadcast" "rooms" {}

rule "talk" {
  on   = ["chat"]
  when = event.type == "websocket.message"

  dispatch "rooms" {
    order_by = startswith(event.data.room, "free") ? event.id : event.data.room
  }
}
`

func run(ctx context.Context, o options, dir string) (err error) {
	if o.idle, err = affordable(o.idle); err != nil {
		return err
	}
	router, err := testbed.NewRouter(o.bin, dir, config)
	if err != nil {
		return err
	}
	router.Args = []string{"--log-level", "error"}
	if err := router.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, router.Close()) }()
	fmt.Printf("rooms: router and clients share %d cores; every message takes the whole way, to disk and through the plugin; a frame is seen up to %s late\n",
		runtime.NumCPU(), pollInterval)
	b := &bench{options: o, router: router}
	for _, measure := range []func(context.Context) error{b.idlers, b.fanout, b.latency} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return router.Stop()
}

// affordable is how many connections this process may have. Go raises the soft limit of open files to the hard one by itself, in
// the router too.
func affordable(wanted int) (int, error) {
	const others = 200
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	if limit.Cur >= uint64(wanted+others) {
		return wanted, nil
	}
	if limit.Cur < 2000 {
		return 0, fmt.Errorf("only %d files may be open: raise the hard limit (ulimit -Hn)", limit.Cur)
	}
	fmt.Printf("rooms: only %d files may be open (ulimit -Hn), so there are fewer idle connections than %d\n", limit.Cur, wanted)
	return int(limit.Cur) - others, nil
}
