package main

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// settings is the block `settings`.
type settings struct {
	WebhookURL schema.Secret `pointsman:"webhook_url" doc:"An incoming webhook. Either this or token."`
	Token      schema.Secret `pointsman:"token" doc:"A bot token, xoxb-..., to post by chat.postMessage. Either this or webhook_url."`
	APIURL     string        `pointsman:"api_url,default=https://slack.com/api" doc:"Base URL of the Web API, for token."`
	Channel    string        `pointsman:"channel" doc:"Channel of messages that name none. A webhook of a Slack app has a fixed channel."`
	Username   *string       `pointsman:"username" doc:"Shown as the sender. Default with webhook_url: slack-webhook-client; with token: the app's name."`
	IconEmoji  *string       `pointsman:"icon_emoji" doc:"Shown beside the sender. Default with webhook_url: \":+1:\"; with token: the app's icon."`
	Rate       string        `pointsman:"rate,default=1/s" doc:"Messages to one webhook, or to one channel with token: a number per s, m or h. Slack allows 1/s."`
	Burst      int           `pointsman:"burst,default=3" doc:"How many messages may leave at once after a pause."`
	Timeout    time.Duration `pointsman:"timeout,default=10s" doc:"How long one request may take."`
}

// Defaults of the classic slack-webhook-client.
const (
	defaultUsername  = "slack-webhook-client"
	defaultIconEmoji = "+1"
)

func (s settings) username() string {
	return s.orSeed(s.Username, defaultUsername)
}

func (s settings) iconEmoji() string {
	return withColons(s.orSeed(s.IconEmoji, defaultIconEmoji))
}

// orSeed returns the default for webhooks only, because an app needs an additional scope to post under another name.
func (s settings) orSeed(set *string, seed string) string {
	switch {
	case set != nil:
		return *set
	case s.WebhookURL.IsZero():
		return ""
	}
	return seed
}

// withColons returns the form of an emoji that Slack documents.
func withColons(emoji string) string {
	if emoji = strings.Trim(emoji, ": \t"); emoji == "" {
		return ""
	}
	return ":" + emoji + ":"
}

// check checks what the schema cannot express.
func check(s settings) []sdk.Diagnostic {
	var ds sdk.Diagnostics
	webhook, token := !s.WebhookURL.IsZero(), !s.Token.IsZero()
	switch {
	case !webhook && !token:
		ds.Add("webhook_url", "a webhook or a token is needed", `For example webhook_url = env("SLACK_WEBHOOK_URL").`)
	case webhook && token:
		ds.Add("token", "there are two ways to post", "Keep either webhook_url or token.")
	case webhook:
		checkURL(&ds, "webhook_url", s.WebhookURL.Reveal(), "https://hooks.slack.com/services/T.../B.../...")
	default:
		checkURL(&ds, "api_url", s.APIURL, "https://slack.com/api")
		if strings.ContainsAny(s.Token.Reveal(), " \t\r\n") {
			ds.Add("token", "there is a space or a line end in it", "Want the token alone: xoxb-...")
		}
	}
	if _, err := parseRate(s.Rate); err != nil {
		ds.Add("rate", err.Error(), `Write for example rate = "1/s".`)
	}
	if s.Burst < 1 || s.Burst > maxBurst {
		ds.Add("burst", fmt.Sprintf("want 1 to %d", maxBurst), "")
	}
	if s.Timeout < time.Second || s.Timeout > maxTimeout {
		ds.Add("timeout", fmt.Sprintf("want 1s to %s", maxTimeout), "")
	}
	return ds
}

const (
	maxBurst   = 1000
	maxTimeout = 10 * time.Minute
)

var rateForm = regexp.MustCompile(`^([1-9][0-9]{0,3})/(s|m|h)$`)

// parseRate returns the time between two messages.
func parseRate(rate string) (time.Duration, error) {
	m := rateForm.FindStringSubmatch(rate)
	if m == nil {
		return 0, fmt.Errorf("%q is not a rate", rate)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, err
	}
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}
	return per[m[2]] / time.Duration(n), nil
}

// checkURL never displays the URL, because that of a webhook is a secret.
func checkURL(ds *sdk.Diagnostics, path, text, example string) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		ds.Add(path, "is not the URL of a server", "It looks like "+example+".")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		ds.Warn(path, "messages and the secret will cross the network in clear text", "Use https.")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
