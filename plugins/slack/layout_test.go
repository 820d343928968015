package main

import (
	"strings"
	"testing"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

// A layout that Slack refuses does not keep people from hearing of the event.
func TestRefusedLayout(t *testing.T) {
	for _, code := range []string{"invalid_blocks", "msg_blocks_too_long", "no_text"} {
		t.Run(code, func(t *testing.T) {
			bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
				r.slack.Next(slacktest.Answer{Status: 400, Body: code})
				got := r.Deliver(plugintest.Event(), `{"text": "the text", "blocks": [{"type": "divider"}]}`)[0]
				if got.GetOutcome() != done || !strings.Contains(got.GetReceipt(), "text alone: "+code) {
					t.Errorf("got %v", got)
				}
				sent := r.slack.Accepted()
				if len(sent) != 1 || sent[0].Text != "the text" || strings.Contains(string(sent[0].Body), "divider") {
					t.Errorf("sent %+v", sent)
				}
				if !strings.Contains(r.Log(), "sending its text alone") {
					t.Error("not in the log")
				}
			})
		})
	}
}

// A message without a layout that Slack refuses is posted once.
func TestRefusedText(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		r.slack.Next(slacktest.Answer{Status: 400, Body: "no_text"})
		if got := r.Deliver(plugintest.Event(), `{"text": "the text"}`)[0]; got.GetOutcome() != reject || r.slack.Requests() != 1 {
			t.Errorf("got %v after %d requests", got, r.slack.Requests())
		}
	})
}

// The log names what was cut, once for each rule.
func TestCutsAreLoggedOnce(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		long := `{"text": "t", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "` + strings.Repeat("x", 5600) + `"}}]}`
		for range 3 {
			if got := r.Deliver(plugintest.Event(), long)[0]; got.GetOutcome() != done {
				t.Fatalf("got %v", got)
			}
		}
		if n := strings.Count(r.Log(), "message shortened"); n != 1 || !strings.Contains(r.Log(), "blocks[0].text") {
			t.Errorf("%d lines in the log:\n%s", n, r.Log())
		}
	})
}
