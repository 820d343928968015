package testbed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrNoProcess reports that a process has ended or has not started yet.
var ErrNoProcess = errors.New("no such process")

// Plugin finds the process of a plugin among the children of the router, by the name of its binary (pointsman-plugin-<kind>).
func (r *Router) Plugin(kind string) (pid int, err error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, stat := range all {
		dir := filepath.Dir(stat)
		program, err := os.Readlink(filepath.Join(dir, "exe"))
		if err != nil || !strings.HasPrefix(filepath.Base(program), "pointsman-plugin-"+kind) {
			continue
		}
		if parent(stat) == r.PID() {
			return strconv.Atoi(filepath.Base(dir))
		}
	}
	return 0, ErrNoProcess
}

// Children returns the number of child processes of a process, those included that have ended and were not waited for.
func Children(pid int) (n int, err error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range all {
		if parent(stat) == pid {
			n++
		}
	}
	return n, err
}

// parent returns the pid of the parent, and 0 if the process has ended. It skips the program's name, which may contain any character.
func parent(stat string) int {
	text, err := os.ReadFile(stat)
	if err != nil {
		return 0
	}
	var state string
	var ppid int
	_, rest, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')'):], []byte(" "))
	if _, err := fmt.Sscan(string(rest), &state, &ppid); err != nil {
		return 0
	}
	return ppid
}

// PeakMemory is the peak resident memory of a process in bytes (VmHWM).
func PeakMemory(pid int) (int64, error) { return memory(pid, "VmHWM:") }

// PeakUntil is the PeakMemory of a process until ended, which it returns the value of. A process that ends says too much by its resource
// usage, where the memory of the process counts that started it.
func PeakUntil(pid int, ended <-chan error) (peak int64, err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return peak, err
		case <-tick.C:
			now, err := PeakMemory(pid)
			if err != nil && !errors.Is(err, ErrNoProcess) {
				return peak, err
			}
			peak = max(peak, now)
		}
	}
}

// Memory is the resident memory of a process in bytes (VmRSS).
func Memory(pid int) (int64, error) { return memory(pid, "VmRSS:") }

func memory(pid int, line string) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, ErrNoProcess
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), line); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.Join(lines.Err(), ErrNoProcess) // a zombie has no memory
}

// CPU is the CPU time of a process, in user and kernel mode.
func CPU(pid int) (time.Duration, error) {
	const tick = 10 * time.Millisecond // of the kernel's interfaces, whatever its own clock
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, ErrNoProcess
	}
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const user, system = 11, 12 // counted from the state, which follows the name
	if len(fields) <= system {
		return 0, fmt.Errorf("unexpected format of /proc/%d/stat", pid)
	}
	var ticks time.Duration
	for _, field := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		ticks += time.Duration(n)
	}
	return ticks * tick, nil
}
