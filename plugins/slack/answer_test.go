package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

const hello = `{"text":"hello"}`

// Every answer that is documented, and those that are not.
func TestWhatBecomesOfAnAnswer(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		outcome pluginv1.Outcome
		message string // part of it
	}{
		{400, "invalid_payload", reject, "blocks and attachments"},
		{400, "user_not_found", reject, "a user that Slack does not know"},
		{400, "no_text", reject, "set text"},
		{400, "invalid_blocks", reject, "blocks"},
		{400, "too_many_attachments", reject, "fewer"},
		{403, "action_prohibited", reject, "administrators"},
		{403, "invalid_token", reject, "set webhook_url"},
		{403, "posting_to_general_channel_denied", reject, "another channel"},
		{403, "team_disabled", reject, "workspace"},
		{404, "channel_not_found", reject, "invite the app"},
		{404, "no_service", reject, "set webhook_url"},
		{404, "no_service_id", reject, "set webhook_url"},
		{404, "no_team", reject, "set webhook_url"},
		{404, "no_active_hooks", reject, "set webhook_url"},
		{410, "channel_is_archived", reject, "name another"},
		{500, "rollup_error", retry, "rollup_error"},

		{500, "channel_not_found", reject, "invite the app"}, // the body counts more than the status
		{400, "rollup_error", retry, "rollup_error"},
		{418, "something new", reject, `418 "something new"`},
		{408, "", retry, "408"},
		{502, "<html>Bad Gateway</html>", retry, "502"},
		{503, "service_unavailable", retry, "503"},
		{302, "", reject, "redirect"},
		{403, strings.Repeat("\u202ex", 100_000), reject, mark},

		{200, `{"ok":false,"error":"channel_not_found"}`, reject, "invite the app"},
		{200, `{"ok":false,"error":"not_in_channel"}`, reject, "invite the app"},
		{200, `{"ok":false,"error":"is_archived"}`, reject, "archived"},
		{200, `{"ok":false,"error":"invalid_auth"}`, reject, "token"},
		{200, `{"ok":false,"error":"account_inactive"}`, reject, "token"},
		{200, `{"ok":false,"error":"token_revoked"}`, reject, "token"},
		{200, `{"ok":false,"error":"missing_scope","needed":"chat:write"}`, reject, "chat:write"},
		{200, `{"ok":false,"error":"msg_too_long"}`, reject, "too long"},
		{200, `{"ok":false,"error":"msg_blocks_too_long"}`, reject, "too long"},
		{200, `{"ok":false,"error":"no_text"}`, reject, "set text"},
		{200, `{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["x"]}}`, reject, "blocks"},
		{200, `{"ok":false,"error":"restricted_action"}`, reject, "administrators"},
		{200, `{"ok":false,"error":"internal_error"}`, retry, "internal_error"},
		{200, `{"ok":false,"error":"fatal_error"}`, retry, "fatal_error"},
		{200, `{"ok":false,"error":"service_unavailable"}`, retry, "service_unavailable"},
		{200, `{"ok":false,"error":"request_timeout"}`, retry, "request_timeout"},
		{200, `{"ok":false,"error":"something_new"}`, retry, "something_new"},
		{200, `{"ok":`, retry, "read Slack's answer"},
		{200, `["ok"]`, retry, "not a JSON object"},
		{502, `Bad Gateway`, retry, "502"},
		{200, `{"ok":"yes"}`, retry, "read Slack's answer"},
	} {
		var config map[string]any
		if strings.HasPrefix(c.body, "{") || strings.HasPrefix(c.body, "[") || c.body == "Bad Gateway" {
			config = byToken()
		}
		t.Run(strconv.Itoa(c.status)+" "+clip(c.body), func(t *testing.T) {
			bubble(t, slacktest.Options{}, config, func(t *testing.T, r *rig) {
				r.slack.Next(slacktest.Answer{Status: c.status, Body: c.body, Header: http.Header{"Location": {"http://elsewhere.example/"}}})
				got := r.Deliver(plugintest.Event(), hello)[0]
				if got.GetOutcome() != c.outcome || !strings.Contains(got.GetMessage(), c.message) || len(got.GetMessage()) > 1024 {
					t.Errorf("got %v", got)
				}
				if n := r.slack.Requests(); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestReceiptIsTheTS(t *testing.T) {
	bubble(t, slacktest.Options{}, byToken(), func(t *testing.T, r *rig) {
		got := r.Deliver(plugintest.Event(), hello)[0]
		if want := r.slack.Accepted()[0].TS; got.GetReceipt() != want || want == "" {
			t.Errorf("receipt %q, want %q", got.GetReceipt(), want)
		}
	})
}

// Slack sends the message back, after its ts. An answer that is longer than what is read of it is a success all the same:
// otherwise the message would be posted again and again.
func TestAnswerLongerThanWhatIsRead(t *testing.T) {
	long, err := json.Marshal(strings.Repeat("x", 200_000))
	if err != nil {
		t.Fatal(err)
	}
	bubble(t, slacktest.Options{}, byToken(), func(t *testing.T, r *rig) {
		r.slack.Next(slacktest.Answer{Status: 200, Body: `{"ok":true,"ts":"1.2","message":{"text":` + string(long) + `}}`})
		if got := r.Deliver(plugintest.Event(), hello)[0]; got.GetOutcome() != done || got.GetReceipt() != "1.2" {
			t.Errorf("got %v", got)
		}
	})
}

func TestNoAnswer(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		r.slack.Next(slacktest.Answer{Silent: true})
		r.Timeout = time.Minute
		began := time.Now()
		got := r.Deliver(plugintest.Event(), hello)[0]
		if got.GetOutcome() != retry || !strings.Contains(got.GetMessage(), "no answer in time") {
			t.Errorf("got %v", got)
		}
		if took := time.Since(began).Round(time.Second); took != 10*time.Second {
			t.Errorf("it took %s, want the setting timeout", took)
		}
	})
}

// A result may get lost on its way to the router: the delivery comes again, the message must not.
func TestSameDeliveryAgain(t *testing.T) {
	bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
		d := r.NewDelivery(plugintest.Event(), hello)
		first, again := r.Send(d)[0], r.Send(d)[0]
		if again.GetOutcome() != done || again.GetReceipt() != first.GetReceipt() || len(r.slack.Accepted()) != 1 {
			t.Errorf("%v, then %v, and %d messages", first, again, len(r.slack.Accepted()))
		}
	})
}

func TestSentForgetsTheOldest(t *testing.T) {
	s := newSent()
	for i := range maxSent + 1 {
		s.add(strconv.Itoa(i), "r")
		s.add(strconv.Itoa(i), "another")
	}
	_, oldest := s.receipt("0")
	receipt, youngest := s.receipt(strconv.Itoa(maxSent))
	if oldest || !youngest || receipt != "r" || len(s.receipts) != maxSent {
		t.Errorf("oldest %v, youngest %v %q, %d in all", oldest, youngest, receipt, len(s.receipts))
	}
}

// A webhook of Slack's form that answers with any 2xx has taken the message, unless it says "ok": false.
func TestWebhookAnswers(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		outcome pluginv1.Outcome
	}{
		{200, "ok", done},
		{200, `{"ok":true}`, done},
		{200, "", done},
		{201, "created", done},
		{202, "", done},
		{204, "", done},
		{200, `{"id":7}`, done},
		{200, `{"ok":true,"message":{"text":"a very lo`, done},
		{200, "1", done},
		{200, `{"ok":false}`, retry},
		{200, ` {"ok": false, "error": "channel_not_found"}`, reject},
		{202, `{"ok":false,"error":"ratelimited"}`, retry},
	} {
		t.Run(strconv.Itoa(c.status)+" "+c.body, func(t *testing.T) {
			bubble(t, slacktest.Options{}, nil, func(t *testing.T, r *rig) {
				r.slack.Next(slacktest.Answer{Status: c.status, Body: c.body}, slacktest.Answer{Status: 500})
				if got := r.Deliver(plugintest.Event(), hello)[0]; got.GetOutcome() != c.outcome {
					t.Errorf("got %v", got)
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		code   string
		header string
		want   time.Duration
	}{
		"seconds":            {429, "ratelimited", "30", 30 * time.Second},
		"none":               {429, "ratelimited", "", time.Second},
		"a date in the past": {429, "ratelimited", "Mon, 02 Jan 2006 15:04:05 GMT", time.Second},
		"far away":           {429, "ratelimited", "86400", time.Hour},
		"by code":            {200, "ratelimited", "2", 2 * time.Second},
		"unavailable":        {503, "", "20", 20 * time.Second},
		"unavailable, none":  {503, "", "", 0},
		"permanent":          {404, "channel_not_found", "20", 0},
	} {
		if got := refuse(c.status, c.code, http.Header{"Retry-After": {c.header}}).wait; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The webhook's URL is in no error of the client itself, whatever the SDK takes out later.
func TestErrorsDoNotShowTheWebhook(t *testing.T) {
	const url = "http://127.0.0.1:1/services/T00000000/B00000000/canarySecret"
	for _, transport := range []http.RoundTripper{http.DefaultTransport, broken{}} {
		c := newClient(settings{WebhookURL: secret(url), Timeout: time.Second}, transport)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.post(ctx, []byte("{}"))
		if err == nil || strings.Contains(err.Error(), "services") || strings.Contains(err.Error(), "canarySecret") || !strings.Contains(err.Error(), "...cret") {
			t.Errorf("got %v", err)
		}
	}
}

type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }
