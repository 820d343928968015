package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// wantFinding fails unless a finding has a level and says all of the texts.
func wantFinding(t *testing.T, got Finding, level Level, texts ...string) {
	t.Helper()
	if got.Level != level {
		t.Errorf("%+v, want level %s", got, level)
	}
	for _, text := range texts {
		if !strings.Contains(got.Text, text) {
			t.Errorf("%+v does not say %q", got, text)
		}
	}
}

// The first warnings of a configuration are shown, and that there are more.
func TestDoctorWarnings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.hcl")
	text := ""
	for n := 1; n <= 4; n++ {
		text += fmt.Sprintf("source \"websocket\" \"s%d\" {}\n", n) // without tokens everybody is trusted
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, diags := Validate(t.Context(), Options{Paths: []string{path}, Log: slog.New(slog.DiscardHandler)})
		got := checkConfig(c, diags, []string{path})
		want := []string{several(n, "warning"), path + ":1: ", fmt.Sprintf("%s:%d: ", path, min(n, 3)), "run pointsman validate"}
		wantFinding(t, got, LevelWarning, want...)
		if more := strings.Contains(got.Text, "; ...: run"); more != (n > 3) || strings.Contains(got.Text, path+":4: ") {
			t.Errorf("%d warnings: %s", n, got.Text)
		}
	}
}

func TestDoctorPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := l.Addr().String()
	_, port, err := net.SplitHostPort(taken)
	if err != nil {
		t.Fatal(err)
	}
	wantFinding(t, checkPort("server.listen", taken, ""), LevelProblem, taken+" is in use", "set another address")
	wantFinding(t, checkPort("server.listen", taken, "[::]:"+port), LevelOK, "in use by this router")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, checkPort("server.listen", taken, "127.0.0.1:1"), LevelOK, taken+" is free")
	wantFinding(t, checkPort("server.listen", "192.0.2.1:80", ""), LevelProblem, "not an address of this machine")
}

func TestDoctorSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "admin.sock")
	check := func(level Level, texts ...string) {
		t.Helper()
		status, got := checkSocket(t.Context(), path)
		wantFinding(t, got, level, texts...)
		if status != nil {
			t.Errorf("status %v", status)
		}
	}
	check(LevelOK, "no router runs")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	go func() { // a program that is no router
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
			_ = c.Close()
		}
	}()
	check(LevelProblem, "does not answer")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	check(LevelOK, "left behind")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check(LevelProblem, "no socket")
	path = filepath.Join(dir, strings.Repeat("x", 108))
	check(LevelProblem, "set admin.socket to a shorter one")
}

func TestDoctorProgram(t *testing.T) {
	dir := t.TempDir()
	p := &config.Plugin{PluginRef: config.PluginRef{Kind: "x", Name: "ops", Path: filepath.Join(dir, "pointsman-plugin-x")}}
	wantFinding(t, checkProgram(p), LevelProblem, "no program at "+p.Path)
	if err := os.WriteFile(p.Path, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, checkProgram(p), LevelProblem, "chmod +x")
	if err := os.Chmod(p.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	const sum = "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf"
	wantFinding(t, checkProgram(p), LevelOK, sum[:12]+"...", "not pinned (set sha256 in its block to pin it)")
	if got := checkProgram(p).SHA256; got != sum {
		t.Errorf("sha256 %s, want %s", got, sum)
	}
	p.SHA256 = sum
	wantFinding(t, checkProgram(p), LevelOK, sum[:12]+"...", "as pinned")
	p.SHA256 = strings.Repeat("0", 64)
	wantFinding(t, checkProgram(p), LevelProblem, sum, p.SHA256, "update sha256")
	p.SHA256 = ""
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, checkProgram(p), LevelWarning, "other users may write to "+dir, "chmod go-w")
}

func TestDoctorSpace(t *testing.T) {
	j := config.Journal{Path: filepath.Join(t.TempDir(), "not", "there", "journal.db"), MaxBytes: 1 << 62}
	wantFinding(t, checkSpace(j, nil), LevelWarning, "lower journal.max_bytes")
	j.MaxBytes = 1
	wantFinding(t, checkSpace(j, nil), LevelOK, "free")
	wantFinding(t, checkSpace(j, &adminv1.JournalStatus{Error: "journal is full"}), LevelProblem, "takes no events: journal is full")
}

func TestDoctorDisk(t *testing.T) {
	dir := t.TempDir()
	took, err := measureSync(filepath.Join(dir, "not", "there", "journal.db"))
	if err != nil || took.median <= 0 || took.worst < took.median {
		t.Errorf("took %+v, %v", took, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	wantFinding(t, syncTimes{300 * time.Microsecond, time.Second}.judge(), LevelOK, "0.3 ms", "1000.0 ms")
	wantFinding(t, syncTimes{21 * time.Millisecond, 30 * time.Millisecond}.judge(), LevelWarning, "21.0 ms", "faster disk")
	if _, err := measureSync("/proc/nothing/journal.db"); err == nil {
		t.Error("wrote to /proc")
	}
}

func TestDoctorClock(t *testing.T) {
	now := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	wantFinding(t, checkClock(now, time.Time{}), LevelOK, "2026-11-27T06:00:00Z; the journal has no event")
	wantFinding(t, checkClock(now, now.Add(time.Second)), LevelOK, "the newest event in the journal is of 2026-11-27T06:00:01Z")
	wantFinding(t, checkClock(now, now.Add(time.Hour)), LevelProblem, "before the newest event of 2026-11-27T07:00:00Z", "NTP")
	wantFinding(t, checkClock(time.Unix(0, 0), time.Time{}), LevelProblem, "the year is 1970")
	wantFinding(t, checkClock(now.AddDate(100, 0, 0), time.Time{}), LevelProblem, "the year is 2126")
}

func TestDoctorJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	newest, got := checkJournal(t.Context(), path)
	wantFinding(t, got, LevelOK, "the first start makes it")
	if !newest.IsZero() {
		t.Errorf("newest event at %s", newest)
	}
	j, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	_, got = checkJournal(t.Context(), path)
	wantFinding(t, got, LevelOK, "no events")
	received := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{{Source: "lab", ID: "a", Received: received, Envelope: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	newest, got = checkJournal(t.Context(), path)
	wantFinding(t, got, LevelOK, "its newest event is of 2026-11-27T06:00:00Z")
	if !newest.Equal(received) {
		t.Errorf("newest event at %s", newest)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, got = checkJournal(ended, path); got.Level == LevelOK {
		t.Errorf("%+v although there was no time", got)
	}
	broken := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(broken, []byte(strings.Repeat("no journal", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, got = checkJournal(t.Context(), broken)
	wantFinding(t, got, LevelProblem, broken)
}
