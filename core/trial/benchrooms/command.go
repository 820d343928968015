//go:build linux

// Package benchrooms benchmarks WebSocket rooms: the memory of an idle connection, the throughput of a room of a thousand clients
// beside a bare server that only writes, the latency until the last client has received a message, and whether a client that stops
// reading delays the others. Every message goes through connection, journal, rule, plugin and room. The clients share the cores
// of the machine with the router, so they do as little as possible: see crowd.go.
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
	bin            string
	idle, members  int
	rounds, window int
	duration       time.Duration
	rate           int
	size           int
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("bench-rooms", "benchmark WebSocket rooms against a bare server", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	flags := cmd.Flags()
	flags.IntVar(&o.idle, "idle", 10_000, "number of idle connections")
	flags.IntVar(&o.members, "members", 1000, "number of connections in the room")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of the latency measurement, each without and with a client that does not read")
	flags.DurationVar(&o.duration, "duration", 10*time.Second, "duration of each measurement")
	flags.IntVar(&o.rate, "rate", 20, "messages per second of the latency measurement")
	flags.IntVar(&o.window, "window", 32, "messages in flight during the throughput measurement")
	flags.IntVar(&o.size, "size", 100, "bytes of each message")
	cmd.AddCommand(testbed.BareCommand(serveBare))
	return cmd
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
    write_timeout        = "10m"   # or a client that does not read would be disconnected during the measurement
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
	fmt.Printf("rooms: router and clients share %d cores; every message goes to disk and through the plugin; frames are seen up to %s late\n",
		runtime.NumCPU(), pollInterval)
	b := &bench{options: o, router: router}
	for _, measure := range []func(context.Context) error{b.idlers, b.fanout, b.latency} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return router.Stop()
}

// affordable returns how many connections this process can open. Go raises the soft limit of open files to the hard limit by itself,
// in the router too.
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
		return 0, fmt.Errorf("the limit of open files is %d: raise the hard limit (ulimit -Hn)", limit.Cur)
	}
	fmt.Printf("rooms: the limit of open files is %d (ulimit -Hn), so there are fewer than %d idle connections\n", limit.Cur, wanted)
	return int(limit.Cur) - others, nil
}
