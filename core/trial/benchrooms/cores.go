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

// cores is the average number of busy cores. If other processes keep many cores busy, the measurements are not reliable.
type cores struct{ server, clients, others float64 }

func (c cores) String() string {
	return fmt.Sprintf("cores used: server %.2f, clients %.2f, others %.2f", c.server, c.clients, c.others)
}

// watch starts a measurement. The returned function ends it.
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

// computed returns the CPU time of all processes of a server, of this process, and of the whole machine.
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

// machine returns the CPU time of all cores.
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
