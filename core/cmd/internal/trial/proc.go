package trial

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
)

// ErrNoProcess says that a process has ended or was not born yet.
var ErrNoProcess = errors.New("no such process")

// Plugin finds the process of a plugin by its program's name (`pointsman-plugin-<kind>`) among the children of the router.
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

// parent reads the parent's pid; 0 when the process is gone. The program's name before it may hold anything, brackets included.
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

// PeakMemory is the most memory that a process ever held resident, in bytes (VmHWM).
func PeakMemory(pid int) (int64, error) {
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
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.Join(lines.Err(), ErrNoProcess) // A zombie has no memory.
}
