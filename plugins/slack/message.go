package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// message is the body of a post. The order of its members is part of the golden files.
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

	summary string   // one line for a digest, and for a message without its layout
	cuts    []string // paths of what was cut
	dropped error    // why blocks and attachments were left out
}

// plain returns the message without its blocks and attachments.
func (m *message) plain() *message {
	p := *m
	p.Blocks, p.Attachments, p.Text = nil, nil, firstOf(m.Text, m.summary)
	return &p
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

// body returns m as JSON.
func (m *message) body() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // texts.fit has escaped what Slack interprets
	if err := enc.Encode(m); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// composer makes messages from deliveries.
type composer struct {
	channel, username, iconEmoji string
	chat                         bool // by chat.postMessage
}

// compose makes the message of one delivery. Its errors are permanent: another attempt would have the same arguments.
func (c *composer) compose(a *arguments, env *pointsmanv1.Envelope) (*message, error) {
	t := &texts{escape: a.Escape}
	blocks, errBlocks := t.parseBlocks(a.Blocks)
	attachments, errAttachments := t.parseAttachments(a.Attachments)
	if err := errors.Join(a.mistake(), errBlocks, errAttachments); err != nil {
		return nil, err
	}
	m := c.addressed(a)
	if m.Channel == "" && c.chat {
		return nil, errors.New("no channel: set channel in the rule's dispatch block, or in the plugin's settings")
	}
	if m.dropped = t.err; t.err != nil {
		blocks, attachments = nil, nil
	}
	if !a.hasContent() && len(blocks)+len(attachments) == 0 {
		m.layOut(env, a.Color)
		return m, nil
	}
	if !blank(a.Text) {
		m.Text = t.fitAt("text", a.Text, maxText)
	}
	m.summary = m.Text
	if m.summary == "" {
		m.summary = t.fit(firstOf(a.Title, a.Pretext, headline(env)), maxSection)
	}
	if x := ownAttachment(t, a, m); x != nil {
		m.Attachments = append(m.Attachments, x)
	}
	m.Attachments = t.limitList("attachments", append(m.Attachments, attachments...), maxAttachments, map[string]any{"text": mark, "fallback": mark})
	m.place(blocks, a.Color)
	m.cuts = t.cuts
	return m, nil
}

// addressed returns a message with sender and channel, without content.
func (c *composer) addressed(a *arguments) *message {
	t := &texts{escape: a.Escape}
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
		m.UnfurlLinks = new(bool) // false: Slack shows no preview of links in events
	}
	return m
}

// ownAttachment returns the attachment for color, pretext, title and fields, or nil if none of them is set.
func ownAttachment(t *texts, a *arguments, m *message) *attachment {
	x := &attachment{Pretext: t.fitAt("pretext", a.Pretext, maxSection), Title: t.fitAt("title", a.Title, maxSection), Color: a.Color}
	for i, f := range a.Fields {
		at := fmt.Sprintf("field[%d]", i)
		x.Fields = append(x.Fields, field{Title: t.fitAt(at+".title", f.Title, maxField), Value: t.fitAt(at+".value", f.Value, maxField), Short: f.Short})
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

// place puts the rule's blocks into the message, or with a color into an attachment, because only attachments have a bar.
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

// headline returns type and subject of the event.
func headline(env *pointsmanv1.Envelope) string {
	if env.GetSubject() == "" {
		return env.GetType()
	}
	return fmt.Sprintf("%s %s", env.GetType(), env.GetSubject())
}
