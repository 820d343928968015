package main

import (
	"bytes"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

// slackServer is the key of the one Slack of a story.
type slackServer struct{}

// startSlack is `slackserver`: a Slack until the story ends, whose incoming webhook is SLACK_WEBHOOK_URL.
func startSlack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: slackserver")
	}
	s := slacktest.Start(slacktest.Options{})
	ts.Defer(s.Close)
	*ts.Value(slackServer{}).(**slacktest.Server) = s
	ts.Setenv("SLACK_WEBHOOK_URL", s.WebhookURL())
}

// waitSlack is `waitslack N FILE`: until Slack has N messages, and no more; they are written to FILE, one a line.
func waitSlack(ts *testscript.TestScript, neg bool, args []string) {
	slack := *ts.Value(slackServer{}).(**slacktest.Server)
	if neg || len(args) != 2 || slack == nil {
		ts.Fatalf("usage: waitslack N FILE, after slackserver")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	eventually(ts, "waitslack "+args[0], func() bool { return len(slack.Accepted()) >= n })
	var all bytes.Buffer
	messages := slack.Accepted()
	for _, m := range messages {
		all.Write(m.Body)
		all.WriteByte('\n')
	}
	if len(messages) != n {
		ts.Fatalf("%d messages, want %d:\n%s", len(messages), n, &all)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), all.Bytes(), 0o600))
}
