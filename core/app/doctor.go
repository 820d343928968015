package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	"github.com/pointsman/pointsman/core/pluginhost"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// Level says how bad a finding is.
type Level string

// Levels of a Finding.
const (
	LevelOK Level = "ok"
	// LevelWarning means that the router works, and that something should be changed.
	LevelWarning Level = "warning"
	// LevelProblem means that the router does not start, or does not work.
	LevelProblem Level = "problem"
)

// Finding is the result of one check of Doctor.
type Finding struct {
	// Check is what was looked at, such as "server.listen".
	Check string `json:"check"`
	Level Level  `json:"level"`
	// Text says what was found and, unless it is ok, what to do. It holds no secrets.
	Text string `json:"text"`
	// SHA256 is that of a plugin's program, in hexadecimal; the text has its beginning.
	SHA256 string `json:"sha256,omitempty"`
}

func finding(check string, level Level, format string, args ...any) Finding {
	return Finding{Check: check, Level: level, Text: fmt.Sprintf(format, args...)}
}

// Doctor examines what a router needs: its configuration, ports, plugins, disk and clock. It works whether the router runs or not, and
// changes nothing. It writes a small temporary file to measure the disk.
func Doctor(ctx context.Context, o Options) []Finding {
	c, diags := Validate(ctx, o)
	findings := []Finding{checkConfig(c, diags, o.Paths)}
	if len(c.Files) == 0 {
		return findings
	}
	running, socket := checkSocket(ctx, c.AdminSocket())
	findings = append(findings, socket,
		checkPort("server.listen", c.Server.Listen, running.GetServerAddress()),
		checkPort("admin.listen", c.Admin.Listen, running.GetAdminAddress()))
	for _, p := range c.Plugins {
		findings = append(findings, checkProgram(p))
	}
	findings = append(findings, checkSpace(c.Journal, running.GetJournal()))
	if disk, err := measureSync(c.Journal.Path); err != nil {
		findings = append(findings, finding("journal disk", LevelProblem, "cannot be written: %v: give this user the folder, or set journal.path", err))
	} else {
		findings = append(findings, disk.judge())
	}
	newest, readable := checkJournal(ctx, c.Journal.Path)
	return append(findings, readable, checkClock(time.Now(), newest))
}

func checkConfig(c *config.Config, diags *config.Diagnostics, paths []string) Finding {
	const check = "configuration"
	again := "run pointsman validate " + strings.Join(paths, " ")
	switch mistakes, warnings := diags.Errors(), diags.Warnings(); {
	case mistakes > 0:
		return finding(check, LevelProblem, "%s: %s", several(mistakes, "error"), again)
	case warnings > 0:
		return finding(check, LevelWarning, "%s: %s: %s", several(warnings, "warning"), firstWarnings(diags), again)
	}
	return finding(check, LevelOK, "%s, %s, %s, %s", several(len(c.Files), "file"), several(len(c.Sources), "source"),
		several(len(c.Rules), "rule"), several(len(c.Plugins), "plugin"))
}

// firstWarnings names the first warnings of a configuration, each with its place.
func firstWarnings(diags *config.Diagnostics) string {
	const most = 3
	var shown []string
	for _, m := range diags.Messages(diagnosticWidth) {
		if m.Severity != "warning" {
			continue
		}
		if len(shown) == most {
			return strings.Join(shown, "; ") + "; ..."
		}
		detail, _, _ := strings.Cut(m.Detail, "\n")
		text := m.Summary + ": " + detail
		if m.File != "" {
			text = fmt.Sprintf("%s:%d: %s", m.File, m.Line, text)
		}
		shown = append(shown, text)
	}
	return strings.Join(shown, "; ")
}

func several[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// checkSocket asks the router behind its socket for its status, nil if none runs.
func checkSocket(ctx context.Context, path string) (*adminv1.GetStatusResponse, Finding) {
	const check = "admin socket"
	if err := admin.CheckSocket(path); err != nil {
		return nil, finding(check, LevelProblem, "%v", err)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, finding(check, LevelOK, "%s does not exist: no router runs with this configuration", path)
	case err != nil:
		return nil, finding(check, LevelProblem, "%v: run this command as the user of the router", err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, finding(check, LevelProblem, "%s is a file that is no socket: remove it, or set admin.socket", path)
	}
	status, err := admin.StatusAt(ctx, path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, finding(check, LevelOK, "%s was left behind by a router that was killed: the next start replaces it", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, finding(check, LevelWarning, "this user may not open %s: run this command as the user of the router", path)
	case err != nil:
		return nil, finding(check, LevelProblem, "the router behind %s does not answer: %v", path, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return status, finding(check, LevelWarning, "other users may use the router at %s (%s): chmod 600 it", path, info.Mode())
	}
	return status, finding(check, LevelOK, "a router of version %s answers at %s", cmp.Or(status.GetVersion(), "unknown"), path)
}

// checkPort opens and closes the address of a setting, unless the running router listens there. own is the router's address.
func checkPort(setting, address, own string) Finding {
	_, port, _ := net.SplitHostPort(address)
	if _, ownPort, err := net.SplitHostPort(own); err == nil && ownPort == port {
		return finding(setting, LevelOK, "%s is in use by this router", address)
	}
	l, err := listen(setting, address)
	if err != nil {
		return finding(setting, LevelProblem, "%s", strings.TrimLeft(strings.TrimPrefix(err.Error(), setting), ": "))
	}
	if err := l.Close(); err != nil {
		return finding(setting, LevelProblem, "%v", err)
	}
	return finding(setting, LevelOK, "%s is free", address)
}

// checkProgram looks at the file of a plugin. Whether the program works is a part of the configuration's check.
func checkProgram(p *config.Plugin) Finding {
	check := "plugin " + p.Name
	program, err := pluginhost.Inspect(pluginSpec(p))
	if start, ok := errors.AsType[*pluginhost.StartError](err); ok {
		return finding(check, LevelProblem, "%s", start.Detail)
	}
	if err != nil {
		return finding(check, LevelProblem, "%v", err)
	}
	pinned := "not pinned (set sha256 in its block to pin it)"
	if p.SHA256 != "" {
		pinned = "as pinned"
	}
	if program.Insecure != "" {
		return finding(check, LevelWarning, "%s: %s: run \"chmod go-w\" on it", p.Path, program.Insecure)
	}
	const beginning = 12
	f := finding(check, LevelOK, "%s has sha256 %.*s..., %s", p.Path, beginning, program.SHA256, pinned)
	f.SHA256 = program.SHA256
	return f
}

// checkSpace compares the free space of the journal's volume with what the journal may grow by.
func checkSpace(j config.Journal, running *adminv1.JournalStatus) Finding {
	const check = "journal space"
	if running.GetError() != "" {
		return finding(check, LevelProblem, "the router takes no events: %s", running.GetError())
	}
	free := int64(diskFree(filepath.Join(existing(filepath.Dir(j.Path)), "x")))
	growth := j.MaxBytes
	if info, err := os.Stat(j.Path); err == nil {
		growth -= info.Size()
	}
	switch {
	case free < 0:
		return finding(check, LevelWarning, "the free space of %s cannot be read", filepath.Dir(j.Path))
	case free < growth:
		return finding(check, LevelWarning, "%s free, and the journal may grow by %s: events are refused while the volume is full: free some space, or lower journal.max_bytes",
			mib(free), mib(growth))
	}
	return finding(check, LevelOK, "%s free, and the journal may grow by %s", mib(free), mib(max(growth, 0)))
}

func mib(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }

// existing returns the nearest folder at or above path that exists.
func existing(path string) string {
	for {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// syncRounds is how often measureSync writes.
const syncRounds = 20

// syncTimes are how long it took to write to a disk durably.
type syncTimes struct{ median, worst time.Duration }

// measureSync writes a temporary file beside the journal, or where its folder would be made.
func measureSync(journalPath string) (_ syncTimes, err error) {
	const block = 4096
	f, err := os.CreateTemp(existing(filepath.Dir(journalPath)), ".pointsman-doctor-*")
	if err != nil {
		return syncTimes{}, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	var took [syncRounds]time.Duration
	for i := range took {
		start := time.Now()
		if _, err := f.Write(make([]byte, block)); err != nil {
			return syncTimes{}, err
		}
		if err := f.Sync(); err != nil {
			return syncTimes{}, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took[:])
	return syncTimes{took[syncRounds/2], took[syncRounds-1]}, nil
}

func (s syncTimes) judge() Finding {
	const (
		check = "journal disk"
		slow  = 20 * time.Millisecond
	)
	took := fmt.Sprintf("%d durable writes took %s each (median; slowest %s)", syncRounds, millis(s.median), millis(s.worst))
	if s.median > slow {
		return finding(check, LevelWarning, "%s, and every event waits for one: put the journal on a faster disk", took)
	}
	return finding(check, LevelOK, "%s", took)
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// journalPatience bounds the search for damage in the journal, which reads all of it.
const journalPatience = time.Minute

// checkJournal looks for damage in the journal, and returns when its newest event was received, zero if it has none.
func checkJournal(ctx context.Context, path string) (newest time.Time, _ Finding) {
	const check = "journal"
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return newest, finding(check, LevelOK, "%s does not exist: the first start makes it", path)
	}
	r, err := sqlite.OpenReader(ctx, path)
	if err != nil {
		return newest, finding(check, LevelProblem, "%v", err)
	}
	page, err := r.Events(ctx, journal.EventQuery{Page: journal.Page{Limit: 1}})
	if err = errors.Join(err, r.Close()); err != nil {
		return newest, finding(check, LevelProblem, "%s: %v", path, err)
	}
	content := "has no events"
	if len(page.Events) > 0 {
		newest = page.Events[0].Received
		content = "its newest event is of " + newest.UTC().Format(time.RFC3339)
	}
	limited, cancel := context.WithTimeout(ctx, journalPatience)
	defer cancel()
	switch err := sqlite.Check(limited, path); {
	case err != nil && limited.Err() != nil:
		return newest, finding(check, LevelWarning, "%s can be read, %s, and it is too large to look for damage in all of it within %s", path, content, journalPatience)
	case err != nil:
		return newest, finding(check, LevelProblem, "%v", err)
	}
	return newest, finding(check, LevelOK, "%s has no damage, %s", path, content)
}

// checkClock finds a clock that is not set. newest is when the newest event was received by this machine's clock, zero for none.
func checkClock(now, newest time.Time) Finding {
	const (
		check     = "clock"
		tolerated = time.Second
		advice    = "set it, and keep it right with NTP"
	)
	year := now.Year()
	switch {
	case year < 2026 || year > 2100:
		return finding(check, LevelProblem, "the year is %d: %s", year, advice)
	case now.Add(tolerated).Before(newest):
		return finding(check, LevelProblem, "it says %s, before the newest event of %s: retries and retention wait for the clock: %s",
			now.UTC().Format(time.RFC3339), newest.UTC().Format(time.RFC3339), advice)
	}
	if newest.IsZero() {
		return finding(check, LevelOK, "%s; the journal has no event to compare it with", now.UTC().Format(time.RFC3339))
	}
	return finding(check, LevelOK, "%s; the newest event in the journal is of %s", now.UTC().Format(time.RFC3339), newest.UTC().Format(time.RFC3339))
}
