package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/retryafter"
)

// refusal is an answer of Slack other than success. Its text has Slack's answer and never the request.
type refusal struct {
	code      string // such as channel_not_found; a server can send any text
	status    int
	permanent bool
	wait      time.Duration // until the next attempt; 0: Slack gave none
}

func (r *refusal) Error() string {
	answer := fmt.Sprintf("Slack answered %d", r.status)
	if r.code != "" {
		answer += fmt.Sprintf(" %q", clip(r.code))
	}
	advice := permanent[r.code]
	if advice == "" && r.status >= 300 && r.status < 400 {
		advice = "Slack does not redirect; look at webhook_url or api_url in the plugin's settings"
	}
	if advice == "" {
		return answer
	}
	return answer + ": " + advice
}

// refuse classifies an answer by its code, or by its status if the code is unknown.
func refuse(status int, code string, header http.Header) *refusal {
	r := &refusal{code: code, status: status}
	_, known := permanent[code]
	switch {
	case known:
		r.permanent = true
	case status == http.StatusTooManyRequests, code == "ratelimited", code == "rate_limited":
		r.wait = max(retryafter.Parse(header, time.Now(), maxWait), minWait)
	default:
		r.permanent = !transient[code] && status >= 300 && status < 500 && status != http.StatusRequestTimeout
		if !r.permanent {
			r.wait = retryafter.Parse(header, time.Now(), maxWait)
		}
	}
	return r
}

// Limits of a Retry-After. Slack counts by the second, so without one the wait is a second.
const (
	minWait = time.Second
	maxWait = time.Hour
)

// transient are codes after which a retry may succeed, whatever the status.
var transient = map[string]bool{
	"rollup_error": true, "internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true,
}

const (
	renewWebhook = "the webhook was removed or disabled; make another and set webhook_url"
	checkToken   = "the token is not valid any more; set another"
	checkMessage = "Slack cannot read the message; correct blocks and attachments in the rule"
	inviteApp    = "check the channel's name or id, and invite the app: /invite @app in that channel"
	tooLong      = "the message is too long; send fewer or shorter blocks and attachments"
	archived     = "the channel is archived; name another"
	askAdmin     = "the workspace forbids it; its administrators can allow it"
	stalePlace   = "thread_ts names a message that does not exist"
)

// permanent are codes after which no retry can succeed, with advice.
var permanent = map[string]string{
	"invalid_payload": checkMessage, "invalid_blocks": checkMessage, "invalid_blocks_format": checkMessage,
	"invalid_attachments": checkMessage, "invalid_arguments": checkMessage, "invalid_json": checkMessage,
	"no_text":              "the message is empty; set text, or check what the event contains",
	"too_many_attachments": tooLong, "msg_too_long": tooLong, "msg_blocks_too_long": tooLong,
	"user_not_found":    "the channel names a user that Slack does not know",
	"channel_not_found": inviteApp, "not_in_channel": inviteApp,
	"channel_is_archived": archived, "is_archived": archived,
	"thread_not_found": stalePlace, "cannot_reply_to_message": stalePlace,
	"action_prohibited": askAdmin, "restricted_action": askAdmin, "access_denied": askAdmin, "no_permission": askAdmin,
	"restricted_action_read_only_channel": askAdmin, "restricted_action_thread_only_channel": askAdmin,
	"restricted_action_non_threadable_channel": askAdmin, "ekm_access_denied": askAdmin, "org_login_required": askAdmin,
	"posting_to_general_channel_denied": "only some people may post to #general; name another channel",
	"team_disabled":                     "the workspace was disabled",
	"invalid_token":                     renewWebhook, "no_service": renewWebhook, "no_service_id": renewWebhook, "no_team": renewWebhook,
	"no_active_hooks": renewWebhook,
	"invalid_auth":    checkToken, "not_authed": checkToken, "account_inactive": checkToken, "token_revoked": checkToken,
	"token_expired": checkToken, "not_allowed_token_type": checkToken,
	"missing_scope": "the app needs the scope chat:write, and chat:write.customize for username and icon_emoji",
}
