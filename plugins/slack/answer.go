package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refusal is an answer of Slack other than success. It shows what Slack said and never what was asked.
type refusal struct {
	code      string // such as channel_not_found; may be anything that a server says
	status    int
	permanent bool
	wait      time.Duration // not before this long from now; 0: Slack did not say
}

func (r *refusal) Error() string {
	said := fmt.Sprintf("Slack answered %d", r.status)
	if r.code != "" {
		said += fmt.Sprintf(" %q", clip(r.code))
	}
	advice := permanent[r.code]
	if advice == "" && r.status >= 300 && r.status < 400 {
		advice = "Slack does not redirect; look at webhook_url or api_url in the plugin's settings"
	}
	if advice == "" {
		return said
	}
	return said + ": " + advice
}

// refuse says what an answer means: by its code when that is known, otherwise by its status.
func refuse(status int, code string, header http.Header) *refusal {
	r := &refusal{code: code, status: status}
	_, known := permanent[code]
	switch {
	case known:
		r.permanent = true
	case status == http.StatusTooManyRequests, code == "ratelimited", code == "rate_limited":
		r.wait = retryAfter(header.Get("Retry-After"))
	case transient[code]:
	default:
		r.permanent = status >= 300 && status < 500 && status != http.StatusRequestTimeout
	}
	return r
}

// Bounds of a Retry-After: none is a second, as that is what Slack counts by.
const (
	minWait = time.Second
	maxWait = time.Hour
)

func retryAfter(header string) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.Atoi(header); err == nil {
		return min(max(time.Duration(min(seconds, int(maxWait/time.Second)))*time.Second, minWait), maxWait)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(time.Until(at), minWait), maxWait)
	}
	return minWait
}

// transient are the codes that another attempt may get past, whatever the status.
var transient = map[string]bool{
	"rollup_error": true, "internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true,
}

const (
	renewWebhook = "the webhook was removed or disabled; make another and set webhook_url"
	checkToken   = "the token is not valid any more; set another"
	checkMessage = "Slack cannot read the message; look at blocks and attachments in the rule"
	inviteApp    = "check the channel's name or id, and invite the app: /invite @app in that channel"
	tooLong      = "the message is too long; send fewer or shorter blocks and attachments"
	archived     = "the channel is archived; name another"
	askAdmin     = "the workspace forbids it; its administrators can allow it"
	stalePlace   = "the message that thread_ts names is not there"
)

// permanent are the codes that no other attempt gets past, with what to do.
var permanent = map[string]string{
	"invalid_payload": checkMessage, "invalid_blocks": checkMessage, "invalid_blocks_format": checkMessage,
	"invalid_attachments": checkMessage, "invalid_arguments": checkMessage, "invalid_json": checkMessage,
	"no_text":              "the message is empty; set text, or look at what the event holds",
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
