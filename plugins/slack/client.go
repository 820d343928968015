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

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

func newClient(s settings, transport http.RoundTripper) *client {
	c := &client{url: s.WebhookURL, timeout: s.Timeout, http: &http.Client{
		Transport: transport,
		// A redirect would hand the message to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if !s.Token.IsZero() {
		c.token = s.Token
		c.url = schema.NewSecret(strings.TrimRight(strings.TrimSpace(s.APIURL), "/") + "/chat.postMessage")
	}
	return c
}

// post returns Slack's receipt. Its error is a *refusal when Slack answered.
func (c *client) post(ctx context.Context, body []byte) (receipt string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSpace(c.url.Reveal()), bytes.NewReader(body))
	if err != nil {
		return "", errors.New("the address to post to cannot be used") // err shows it
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

// failed takes the URL out of net/http's error.
func (c *client) failed(err error) error {
	if bare, ok := errors.AsType[*url.Error](err); ok {
		err = bare.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer in time, and the message may be there all the same: %w", err)
	}
	if c.token.IsZero() {
		return fmt.Errorf("post to the webhook ...%s: %w", lastFour(c.url), err)
	}
	return fmt.Errorf("post by chat.postMessage: %w", err)
}

// lastFour tells one webhook from another and gives nothing away.
func lastFour(secret schema.Secret) string {
	s := []rune(strings.TrimSpace(secret.Reveal()))
	const few = 32
	if len(s) < few {
		return ""
	}
	return string(s[len(s)-4:])
}

// webhookAnswer: success is the text ok, and an error is its code.
func webhookAnswer(resp *http.Response, answer io.Reader) (receipt string, err error) {
	text, err := io.ReadAll(answer)
	code := strings.TrimSpace(string(text))
	switch {
	case resp.StatusCode == http.StatusOK && code == "ok":
		return "ok " + time.Now().UTC().Format(time.RFC3339), nil
	case resp.StatusCode == http.StatusOK && err != nil:
		return "", fmt.Errorf("read Slack's answer: %w", err)
	}
	return "", refuse(resp.StatusCode, code, resp.Header)
}

// chatAnswer: the status is 200 for errors too.
func chatAnswer(resp *http.Response, answer io.Reader) (receipt string, err error) {
	a, err := readChat(answer)
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

// readChat reads the members that matter, as far as it gets: the message, which Slack sends back, may be longer than what is
// read of an answer, and must not turn a success into a failure.
func readChat(r io.Reader) (a chat, err error) {
	dec := json.NewDecoder(r)
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return a, errors.New("it is no JSON object")
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return a, err
		}
		into := map[any]any{"ok": &a.ok, "error": &a.code, "ts": &a.ts}[name]
		if into == nil {
			into = new(json.RawMessage)
		}
		if err := dec.Decode(into); err != nil {
			return a, err
		}
	}
	return a, nil
}
