package slacktest

import "unicode/utf8"

// Limits that Slack documents, in characters.
const (
	maxText        = 40_000
	maxBlocks      = 50
	maxAttachments = 100
	maxHeader      = 150
	maxSection     = 3000
	maxField       = 2000
	maxFields      = 10
	maxElements    = 10
)

// payload is what the server looks at in a message.
type payload struct {
	Text        string       `json:"text"`
	Channel     string       `json:"channel"`
	Blocks      []block      `json:"blocks"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Blocks []block `json:"blocks"`
}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text"`
	Fields   []text `json:"fields"`
	Elements []any  `json:"elements"`
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func (m *payload) mistake() (code string) {
	switch {
	case m.Text == "" && len(m.Blocks) == 0 && len(m.Attachments) == 0:
		return "no_text"
	case len(m.Attachments) > maxAttachments:
		return "too_many_attachments"
	}
	lists := [][]block{m.Blocks}
	for _, a := range m.Attachments {
		lists = append(lists, a.Blocks)
	}
	for _, list := range lists {
		if len(list) > maxBlocks {
			return "invalid_blocks"
		}
		for _, b := range list {
			if !b.valid() {
				return "invalid_blocks"
			}
		}
	}
	return ""
}

func (b *block) valid() bool {
	limit := maxSection
	switch b.Type {
	case "":
		return false
	case "header":
		limit = maxHeader
	case "section":
		if b.Text == nil && len(b.Fields) == 0 {
			return false
		}
	case "context":
		if len(b.Elements) > maxElements {
			return false
		}
	}
	if b.Text != nil && !b.Text.valid(limit) || len(b.Fields) > maxFields {
		return false
	}
	for _, f := range b.Fields {
		if !f.valid(maxField) {
			return false
		}
	}
	return true
}

func (t *text) valid(limit int) bool {
	n := utf8.RuneCountInString(t.Text)
	return n > 0 && n <= limit && (t.Type == "mrkdwn" || t.Type == "plain_text")
}
