package admin

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, step := range []string{"new", "again"} {
		l, err := ListenSocket(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != fs.ModeSocket|0o600 {
			t.Errorf("%s: mode %v, %v", step, info.Mode(), err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: after closing: %v", step, err)
		}
	}
}

// TestSocketIsPrivateAtOnce checks the mode that the file has before anything changes it.
func TestSocketIsPrivateAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	config := net.ListenConfig{Control: private}
	l, err := config.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&^0o600 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestStaleSocket checks that what a killed router left behind is replaced.
func TestStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	killed, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	killed.SetUnlinkOnClose(false)
	if err := killed.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestListenSocketErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	used := filepath.Join(dir, "used")
	l, err := net.Listen("unix", used)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tests := map[string]struct{ path, text string }{
		"a file":          {file, "a file that is no socket"},
		"a folder":        {dir, "a file that is no socket"},
		"in use":          {used, "another program listens on"},
		"no folder":       {filepath.Join(dir, "none", "s"), "does not exist: create it"},
		"too long":        {filepath.Join(dir, strings.Repeat("x", 120)), "set admin.socket to a shorter one"},
		"below a file":    {filepath.Join(file, "s"), "admin.socket: "},
		"just too long":   {"/" + strings.Repeat("x", 107), "has 108 bytes, and a unix socket's may have 107"},
		"long, but legal": {"/" + strings.Repeat("x", 60) + "/" + strings.Repeat("x", 45), "does not exist"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := ListenSocket(tt.path)
			if err == nil {
				_ = l.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), "admin.socket") || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v, want %q", err, tt.text)
			}
		})
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "kept" {
		t.Errorf("the file has %q, %v", got, err)
	}
	if c, err := net.Dial("unix", used); err != nil {
		t.Errorf("the socket in use is gone: %v", err)
	} else {
		_ = c.Close()
	}
}
