package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// client posts messages to one webhook, or with a token to any channel.
type client struct {
	http    *http.Client
	url     schema.Secret
	token   schema.Secret // empty: url is a webhook
	timeout time.Duration
}

// maxAnswer is how much of an answer the client reads.
const maxAnswer = 64 << 10

func newClient(s settings, transport http.RoundTripper) *client {
	c := &client{url: s.WebhookURL, timeout: s.Timeout, http: &http.Client{
		Transport: transport,
		// A redirect would send the message to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if !s.Token.IsZero() {
		c.token = s.Token
		c.url = schema.NewSecret(strings.TrimRight(strings.TrimSpace(s.APIURL), "/") + "/chat.postMessage")
	}
	return c
}

// post returns Slack's receipt. The error is a *refusal if Slack answered.
func (c *client) post(ctx context.Context, body []byte) (receipt string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSpace(c.url.Reveal()), bytes.NewReader(body))
	if err != nil {
		return "", errors.New("the address to post to is invalid") // err would reveal it
	}
	req.Header.Set("User-Agent", "pointsman-plugin-slack")
	if c.token.IsZero() {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", c.failed(err)
	}
	defer resp.Body.Close()
	answer := io.LimitReader(resp.Body, maxAnswer)
	if c.token.IsZero() {
		return webhookAnswer(resp, answer)
	}
	return chatAnswer(resp, answer)
}

// failed removes the URL from net/http's error.
func (c *client) failed(err error) error {
	if bare, ok := errors.AsType[*url.Error](err); ok {
		err = bare.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer in time; Slack may have posted the message: %w", err)
	}
	if c.token.IsZero() {
		return fmt.Errorf("post to the webhook ...%s: %w", lastFour(c.url), err)
	}
	return fmt.Errorf("post by chat.postMessage: %w", err)
}

// lastFour returns the end of a webhook's URL, which distinguishes it from others without revealing it.
func lastFour(secret schema.Secret) string {
	s := []rune(strings.TrimSpace(secret.Reveal()))
	const few = 32
	if len(s) < few {
		return ""
	}
	return string(s[len(s)-4:])
}

// webhookAnswer reads the answer of a webhook. Slack answers 200 with the text ok, or an error code as text. Workflow Builder and
// other products with webhooks of Slack's form answer any 2xx, with or without a body, so only JSON with "ok": false is a failure.
func webhookAnswer(resp *http.Response, answer io.Reader) (receipt string, err error) {
	text, err := io.ReadAll(answer)
	code := strings.TrimSpace(string(text))
	if resp.StatusCode/100 != 2 {
		return "", refuse(resp.StatusCode, code, resp.Header)
	}
	if err != nil {
		return "", fmt.Errorf("read Slack's answer: %w", err)
	}
	a := chat{ok: true}
	if a.read(strings.NewReader(code)) == nil && !a.ok {
		return "", refuse(resp.StatusCode, firstOf(a.code, "ok: false"), resp.Header)
	}
	return "ok " + time.Now().UTC().Format(time.RFC3339), nil
}

// chatAnswer reads the answer of chat.postMessage, whose status is 200 for errors too.
func chatAnswer(resp *http.Response, answer io.Reader) (receipt string, err error) {
	var a chat
	err = a.read(answer)
	switch {
	case a.ok && resp.StatusCode == http.StatusOK:
		return firstOf(clip(a.ts), "ok "+time.Now().UTC().Format(time.RFC3339)), nil
	case a.code == "" && resp.StatusCode == http.StatusOK && err != nil:
		return "", fmt.Errorf("read Slack's answer: %w", err)
	}
	return "", refuse(resp.StatusCode, a.code, resp.Header)
}

type chat struct {
	ok       bool
	code, ts string
}

// read reads the members of an answer as far as it can. Slack sends the message back, which may be longer than maxAnswer and must
// not turn a success into a failure.
func (a *chat) read(r io.Reader) error {
	dec := json.NewDecoder(r)
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("it is not a JSON object")
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		into := map[any]any{"ok": &a.ok, "error": &a.code, "ts": &a.ts}[name]
		if into == nil {
			into = new(json.RawMessage)
		}
		if err := dec.Decode(into); err != nil {
			return err
		}
	}
	return nil
}
