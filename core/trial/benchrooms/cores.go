//go:build linux

package benchrooms

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// cores is how many cores each kept busy on the average. Others are what else runs on the machine: when they are many, all that is
// measured is theirs too.
type cores struct{ server, clients, others float64 }

func (c cores) String() string {
	return fmt.Sprintf("cores used: server %.2f, clients %.2f, others %.2f", c.server, c.clients, c.others)
}

// watch begins to measure and returns a function that ends it and returns the result.
func watch(t target) (result func() (cores, error), err error) {
	began := time.Now()
	server, clients, all, err := computed(t)
	return func() (cores, error) {
		s, c, a, err := computed(t)
		took := time.Since(began).Seconds()
		used := cores{server: (s - server).Seconds() / took, clients: (c - clients).Seconds() / took}
		used.others = max(0, (a-all).Seconds()/took-used.server-used.clients)
		return used, err
	}, err
}

// computed is the time that a server with all its processes, this process, and all of the machine have computed.
func computed(t target) (server, clients, all time.Duration, err error) {
	pids, err := t.pids()
	if err != nil {
		return 0, 0, 0, err
	}
	for _, pid := range pids {
		used, err := testbed.CPU(pid)
		if err != nil {
			return 0, 0, 0, err
		}
		server += used
	}
	var errs [2]error
	clients, errs[0] = testbed.CPU(os.Getpid())
	all, errs[1] = machine()
	return server, clients, all, errors.Join(errs[:]...)
}

// machine is how long all cores together have computed.
func machine() (time.Duration, error) {
	const tick = 10 * time.Millisecond
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	var user, nice, system, idle, wait, irq, softirq, steal int64
	if _, err := fmt.Sscanf(strings.TrimPrefix(string(text), "cpu"), "%d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal); err != nil {
		return 0, fmt.Errorf("/proc/stat: %w", err)
	}
	return time.Duration(user+nice+system+irq+softirq+steal) * tick, nil
}
