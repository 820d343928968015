package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, settings string
		want           []string // "severity path: summary"
	}{
		{name: "nothing set", settings: `{}`, want: []string{"error webhook_url: a webhook or a token is needed"}},
		{name: "webhook", settings: `{"webhook_url":"https://hooks.slack.com/services/T/B/x"}`},
		{name: "token", settings: `{"token":"xoxb-1"}`},
		{name: "both", settings: `{"webhook_url":"https://hooks.slack.com/services/T/B/x","token":"xoxb-1"}`, want: []string{
			"error token: there are two ways to post",
		}},
		{name: "no URL", settings: `{"webhook_url":"hooks.slack.com/services/T/B/x"}`, want: []string{
			"error webhook_url: is not the URL of a server",
		}},
		{name: "loopback in clear text", settings: `{"webhook_url":"http://127.0.0.1:8065/hooks/x"}`},
		{name: "network in clear text", settings: `{"token":"x","api_url":"http://slack.example/api"}`, want: []string{
			"warning api_url: messages and the secret will cross the network in clear text",
		}},
		{name: "token with a line end", settings: `{"token":"xoxb-1\n"}`, want: []string{
			"error token: there is a space or a line end in it",
		}},
		{name: "numbers", settings: `{"token":"x","rate":"0/s","burst":1001,"timeout":"11m"}`, want: []string{
			`error rate: "0/s" is not a rate`, "error burst: want 1 to 1000", "error timeout: want 1s to 10m0s",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, d := range plugintest.Open(t, newPlugin()).Configure(c.settings, true) {
				severity := "error"
				if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_WARNING {
					severity = "warning"
				}
				got = append(got, severity+" "+d.GetPath()+": "+d.GetSummary())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRate(t *testing.T) {
	for rate, want := range map[string]time.Duration{"1/s": time.Second, "4/s": 250 * time.Millisecond, "30/m": 2 * time.Second, "6/h": 10 * time.Minute} {
		if got, err := parseRate(rate); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", rate, got, err, want)
		}
	}
}

func TestWithColons(t *testing.T) {
	for emoji, want := range map[string]string{"+1": ":+1:", ":+1:": ":+1:", " train": ":train:", "": "", "::": ""} {
		if got := withColons(emoji); got != want {
			t.Errorf("%q: %q, want %q", emoji, got, want)
		}
	}
}
