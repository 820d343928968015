package main

import (
	"testing"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

func TestConformance(t *testing.T) {
	server := slacktest.New(t, slacktest.Options{})
	plugintest.Run(t, newPlugin(), plugintest.Conformance{
		Settings: object(t, map[string]any{"webhook_url": server.WebhookURL(), "rate": "1000/s", "burst": 100}),
		Failing:  object(t, map[string]any{"webhook_url": server.WebhookURL() + "canary-removed-webhook"}),
		BadSettings: map[string]string{
			"webhook_url": `{"webhook_url":"canary-no-url"}`,
			"token":       `{"webhook_url":"https://hooks.slack.com/services/canary","token":"xoxb-canary"}`,
			"api_url":     `{"token":"xoxb-canary","api_url":"slack.com"}`,
			"rate":        `{"token":"xoxb-canary","rate":"often"}`,
			"burst":       `{"token":"xoxb-canary","burst":0}`,
			"timeout":     `{"token":"xoxb-canary","timeout":"1ms"}`,
		},
		Arguments: `{"text":"hello","channel":"#ops","username":"u","icon_emoji":"e","color":"good","pretext":"p","title":"t",` +
			`"field":[{"title":"a","value":"b","short":true}],"thread_ts":"1.2","markdown":true,"escape":true,` +
			`"digest":{"key":"k","window":"10ms","first":3}}`,
	})
}

// Web API, with the token as the secret to keep.
func TestConformanceByToken(t *testing.T) {
	server := slacktest.New(t, slacktest.Options{})
	settings := func(token string) string {
		return object(t, map[string]any{"token": token, "api_url": server.APIURL(), "channel": "C1", "rate": "1000/s", "burst": 100})
	}
	plugintest.Run(t, newPlugin(), plugintest.Conformance{
		Settings: settings(slacktest.Token), Failing: settings("xoxb-canary-wrong-token"), Arguments: `{"text":"hello"}`,
	})
}

func TestNobodyListens(t *testing.T) {
	plugintest.Run(t, newPlugin(), plugintest.Conformance{
		Settings:  object(t, map[string]any{"webhook_url": slacktest.New(t, slacktest.Options{}).WebhookURL(), "burst": 100}),
		Failing:   `{"webhook_url":"http://127.0.0.1:1/services/canary-nobody-listens"}`,
		Arguments: `{"text":"hello"}`,
	})
}

func TestBinary(t *testing.T) {
	plugintest.Binary(t, plugintest.Build(t, "."))
}
