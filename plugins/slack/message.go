package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// message is what Slack gets. The order of the members is the seed's.
type message struct {
	Text        string `json:"text"`
	Channel     string `json:"channel,omitempty"`
	Username    string `json:"username,omitempty"`
	IconEmoji   string `json:"icon_emoji,omitempty"`
	Attachments []any  `json:"attachments,omitempty"` // *attachment or the rule's own
	Blocks      []any  `json:"blocks,omitempty"`
	ThreadTS    string `json:"thread_ts,omitempty"`
	Markdown    *bool  `json:"mrkdwn,omitempty"`
	UnfurlLinks *bool  `json:"unfurl_links,omitempty"`

	summary string // one line for a digest
}

// attachment is a legacy attachment.
type attachment struct {
	Fallback string  `json:"fallback"`
	Text     string  `json:"text"`
	Pretext  string  `json:"pretext,omitempty"`
	Title    string  `json:"title,omitempty"`
	Color    string  `json:"color,omitempty"`
	Fields   []field `json:"fields,omitempty"`
	Blocks   []any   `json:"blocks,omitempty"`
}

type field struct {
	Title string `json:"title"`
	Value string `json:"value"`
	Short bool   `json:"short"`
}

// body is the JSON of m.
func (m *message) body() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // what is dangerous in Slack is escaped in Slack's way
	if err := enc.Encode(m); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// composer makes messages.
type composer struct {
	channel, username, iconEmoji string
	chat                         bool // by chat.postMessage
}

// compose makes the message of one delivery. An error is for good: another attempt would have the same arguments.
func (c *composer) compose(a *arguments, env *pointsmanv1.Envelope) (*message, error) {
	t := texts{escape: a.Escape}
	blocks, errBlocks := parseBlocks(t, a.Blocks)
	attachments, errAttachments := parseAttachments(t, a.Attachments)
	if err := errors.Join(a.mistake(), errBlocks, errAttachments); err != nil {
		return nil, err
	}
	m := c.addressed(a)
	if m.Channel == "" && c.chat {
		return nil, errors.New("no channel: set channel in the rule's dispatch block, or in the plugin's settings")
	}
	if !a.laidOut() {
		m.layOut(env, a.Color)
		return m, nil
	}
	m.Text = t.fit(a.Text, maxText)
	m.summary = m.Text
	if m.summary == "" {
		m.summary = t.fit(firstOf(a.Title, a.Pretext, headline(env)), maxSection)
	}
	if x := ownAttachment(t, a, m); x != nil {
		m.Attachments = append(m.Attachments, x)
	}
	m.Attachments = limitList(append(m.Attachments, attachments...), maxAttachments, map[string]any{"text": mark, "fallback": mark})
	m.place(blocks, a.Color)
	return m, nil
}

// addressed is a message without content.
func (c *composer) addressed(a *arguments) *message {
	t := texts{escape: a.Escape}
	m := &message{
		Channel: neutral(firstOf(a.Channel, c.channel)), Username: c.username, IconEmoji: c.iconEmoji,
		ThreadTS: neutral(a.ThreadTS), Markdown: a.Markdown,
	}
	if a.Username != nil {
		m.Username = *a.Username
	}
	if a.IconEmoji != nil {
		m.IconEmoji = withColons(*a.IconEmoji)
	}
	m.Username, m.IconEmoji = t.fit(m.Username, maxName), t.fit(m.IconEmoji, maxName)
	if c.chat {
		m.UnfurlLinks = new(bool) // what a link in an event leads to is not shown by itself
	}
	return m
}

// ownAttachment is the one that color, pretext, title and fields make; nil without them.
func ownAttachment(t texts, a *arguments, m *message) *attachment {
	x := &attachment{Pretext: t.fit(a.Pretext, maxSection), Title: t.fit(a.Title, maxSection), Color: a.Color}
	for _, f := range a.Fields {
		x.Fields = append(x.Fields, field{Title: t.fit(f.Title, maxField), Value: t.fit(f.Value, maxField), Short: f.Short})
	}
	x.Fallback = cut(m.summary, maxSection)
	switch {
	case x.Pretext != "" || x.Title != "" || len(x.Fields) > 0:
		return x
	case a.Color != "" && len(a.Blocks) == 0 && m.Text != "": // the bar stands beside the text
		x.Text, m.Text = cut(m.Text, maxSection), ""
		return x
	}
	return nil
}

// place puts the rule's blocks into the message, or with a color into an attachment: only those have a bar.
func (m *message) place(blocks []any, color string) {
	if len(blocks) == 0 {
		return
	}
	if color == "" {
		m.Text = m.summary // what notifications show
		m.Blocks = blocks
		return
	}
	m.Attachments = append(m.Attachments, &attachment{Fallback: cut(m.summary, maxSection), Color: color, Blocks: blocks})
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// limitList keeps the first elements of a list that is too long, and says at its end that there were more.
func limitList(list []any, limit int, truncated any) []any {
	if len(list) <= limit {
		return list
	}
	return append(list[:limit-1:limit-1], truncated)
}

// headline says in a few words what happened.
func headline(env *pointsmanv1.Envelope) string {
	if env.GetSubject() == "" {
		return env.GetType()
	}
	return fmt.Sprintf("%s %s", env.GetType(), env.GetSubject())
}
