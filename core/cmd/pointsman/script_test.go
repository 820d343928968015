package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
	"github.com/pointsman/pointsman/plugins/sdk/testenv/server"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

// programs are built once for all stories, with the race detector when the tests have it.
var programs string

func TestMain(m *testing.M) {
	code, err := withPrograms(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// withPrograms builds the router and every plugin into a folder of their own, as make build does, and runs the tests.
func withPrograms(run func() int) (_ int, err error) {
	if programs, err = os.MkdirTemp("", "pointsman-bin-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(programs)
	build := exec.Command("go", "build")
	if raceEnabled {
		build.Args = append(build.Args, "-race")
	}
	build.Args = append(build.Args, "-o", programs, "-ldflags", "-X main.version=v0.0.0-test", ".")
	build.Args = append(build.Args, pluginPackages...)
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	for _, p := range pluginPackages {
		kind := strings.TrimPrefix(filepath.Base(p), "pointsman-plugin-")
		if err := os.Rename(filepath.Join(programs, filepath.Base(p)), filepath.Join(programs, "pointsman-plugin-"+kind)); err != nil {
			return 0, err
		}
	}
	return run(), nil
}

// pluginPackages are built for the stories. The last element of each is its kind, with or without the program's prefix.
var pluginPackages = []string{
	"../../../plugins/stats-email",
	"../../../plugins/s3-mirror",
	"../../../plugins/slack",
	"../../../plugins/room-broadcast",
	"../../../plugins/sdk/plugintest/pointsman-plugin-noop",
}

// TestStories runs testdata/*.txtar: each is a session at a terminal.
func TestStories(t *testing.T) { runStories(t, "testdata/*.txtar", "") }

// runStories runs the matching scripts, each in a folder of its own with bin/ and the files below extra.
func runStories(t *testing.T, glob, extra string) {
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories match %s: %v", glob, err)
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"PORT", "ADMIN_PORT", "CERT_PORT"} {
				port, err := freePort()
				if err != nil {
					return err
				}
				env.Setenv(name, strconv.Itoa(port))
			}
			env.Values[s3Servers{}] = map[string]*s3test.Server{}
			env.Values[slackServer{}] = new(*slacktest.Server)
			env.Setenv("NODE", node22)
			env.Setenv("PATH", programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
			if err := os.Symlink(programs, filepath.Join(env.WorkDir, "bin")); err != nil {
				return err
			}
			if extra == "" {
				return nil
			}
			return os.CopyFS(env.WorkDir, os.DirFS(extra))
		},
		Condition: testenv.Have,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfor":  waitFor,
			"waitmail": waitMail,
			"http":     httpStatus,
			"exits":    exits,
			"metric":   waitMetric,
			"journal":  printJournal,
			"until":    until,
			"steady":   steady,
			"s3server": startS3,
			"s3notify": notifyS3,

			"slackserver": startSlack,
			"waitslack":   waitSlack,
		},
	})
}

func freePort() (int, error) {
	address, err := server.FreeAddress()
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

const patience = 30 * time.Second

// eventually polls until ok says yes; the story fails when it does not in time.
func eventually(ts *testscript.TestScript, what string, ok func() bool) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			ts.Fatalf("%s: not within %s", what, patience)
		case <-tick.C:
		}
	}
}

// waitFor is `waitfor URL`: until it answers 200; `! waitfor URL`: until nothing answers there.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: waitfor URL")
	}
	eventually(ts, "waitfor "+args[0], func() bool {
		resp, err := http.Get(args[0])
		if err != nil {
			return neg
		}
		defer resp.Body.Close()
		return !neg && resp.StatusCode == http.StatusOK
	})
}

// waitMail is `waitmail MAILDIR N FILE`: until N mails are in the Maildir; they are written to FILE, one after the other.
func waitMail(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: waitmail MAILDIR N FILE")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var mails []string
	eventually(ts, "waitmail "+args[0], func() bool {
		mails, err = filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "new", "*"))
		ts.Check(err)
		return len(mails) >= n
	})
	if len(mails) != n {
		ts.Fatalf("%d mails in %s, want %d", len(mails), args[0], n)
	}
	var all []byte
	for _, name := range mails {
		mail, err := os.ReadFile(name)
		ts.Check(err)
		all = append(all, mail...)
	}
	// CRLF is what a mail has on the wire; the stories compare text.
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.ReplaceAll(string(all), "\r\n", "\n")), 0o600))
}

// httpStatus is `http STATUS METHOD URL [BODYFILE [HEADER...]]`: one request, its status compared, its body on
// stdout, its header on stderr.
func httpStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http STATUS METHOD URL [BODYFILE [HEADER...]]")
	}
	body := ""
	if len(args) > 3 {
		body = ts.ReadFile(args[3])
	}
	req, err := http.NewRequest(args[1], args[2], strings.NewReader(body))
	ts.Check(err)
	if len(args) > 4 {
		for _, h := range args[4:] {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Add(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("%s %s: status %s, want %s", args[1], args[2], got, args[0])
	}
	ts.Check(resp.Header.Write(ts.Stderr()))
	_, err = io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
}

// exits is `exits CODE[|CODE] PROGRAM [ARG...]`: the program must end with exactly that code, or one of them. Its output is what
// stdout and stderr look at next.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE[|CODE] PROGRAM [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if !slices.Contains(strings.Split(args[0], "|"), strconv.Itoa(code)) {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// waitMetric is `metric URL LINE`: until LINE stands in the metrics.
func waitMetric(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: metric URL LINE")
	}
	eventually(ts, "metric "+args[1], func() bool {
		resp, err := http.Get(args[0])
		ts.Check(err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		ts.Check(err)
		return strings.Contains(string(text), "\n"+args[1]+"\n")
	})
}

// printJournal is `journal FILE`: what a journal that no router has open holds, a line for each event and delivery.
func printJournal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: journal FILE")
	}
	ctx := context.Background()
	j, err := sqlite.Open(ctx, ts.MkAbs(args[0]), sqlite.Options{})
	ts.Check(err)
	defer func() { ts.Check(j.Close()) }()
	events, err := j.Events(ctx, journal.EventQuery{})
	ts.Check(err)
	for _, e := range events.Events {
		fmt.Fprintf(ts.Stdout(), "event %d %s %s\n", e.Seq, e.State, e.Quarantine)
	}
	deliveries, err := j.Deliveries(ctx, journal.DeliveryQuery{})
	ts.Check(err)
	for _, d := range deliveries.Deliveries {
		fmt.Fprintf(ts.Stdout(), "delivery %s %s %d attempts: %s\n", d.State, d.Reason, d.Attempts, d.Error)
	}
}
