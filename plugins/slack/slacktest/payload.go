package slacktest

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
)

// Limits of messages that Slack documents, in characters.
const (
	maxText        = 40_000
	maxBlocks      = 50
	maxAttachments = 100
)

// blockLimits are the limits of the Block Kit reference (docs.slack.dev/reference/block-kit) for the objects that the tests send:
// characters of a text or string, elements of a list.
var blockLimits = map[string]struct{ characters, elements int }{
	"header.text": {150, 0}, "section.text": {3000, 0}, "section.fields": {2000, 10}, "context.elements": {3000, 10},
	"actions.elements": {0, 25}, "image.alt_text": {2000, 0}, "image.title": {2000, 0}, "markdown.text": {12000, 0},
	"button.text": {75, 0}, "button.value": {2000, 0}, "button.accessibility_label": {75, 0},
	"static_select.options": {0, 100}, "overflow.options": {0, 5}, "checkboxes.options": {0, 10}, "radio_buttons.options": {0, 10},
	"options.text": {75, 0}, "options.description": {75, 0}, "options.value": {150, 0},
	"confirm.title": {100, 0}, "confirm.text": {300, 0}, "confirm.confirm": {30, 0}, "confirm.deny": {30, 0},
	"placeholder": {150, 0}, "url": {3000, 0}, "image_url": {3000, 0}, "action_id": {255, 0}, "block_id": {255, 0},
}

// payload is the part of a message that the server checks.
type payload struct {
	Text        string           `json:"text"`
	Channel     string           `json:"channel"`
	Blocks      []map[string]any `json:"blocks"`
	Attachments []attachment     `json:"attachments"`
}

type attachment struct {
	Blocks []map[string]any `json:"blocks"`
}

// mistake returns Slack's code for what is wrong with the message, or "".
func (m *payload) mistake() (code string) {
	switch {
	case strings.TrimSpace(m.Text) == "" && len(m.Blocks) == 0 && len(m.Attachments) == 0:
		return "no_text"
	case len(m.Attachments) > maxAttachments:
		return "too_many_attachments"
	}
	lists := [][]map[string]any{m.Blocks}
	for _, a := range m.Attachments {
		lists = append(lists, a.Blocks)
	}
	total := 0
	for _, list := range lists {
		if len(list) > maxBlocks {
			return "invalid_blocks"
		}
		for _, b := range list {
			if !validBlock(b) {
				return "invalid_blocks"
			}
		}
		encoded, _ := json.Marshal(list)
		total += len(encoded)
	}
	if total > 400_000 {
		return "msg_blocks_too_long"
	}
	return ""
}

func validBlock(b map[string]any) bool {
	kind, _ := b["type"].(string)
	return kind != "" && (kind != "section" || b["text"] != nil || b["fields"] != nil) && validObject(b, "")
}

// validObject checks the members of an object. holder is the member that holds it.
func validObject(object map[string]any, holder string) bool {
	kind, _ := object["type"].(string)
	if kind == "" {
		kind = holder
	}
	for member, value := range object {
		limit, known := blockLimits[kind+"."+member]
		if !known {
			limit = blockLimits[member]
		}
		if list, ok := value.([]any); ok && limit.elements > 0 && len(list) > limit.elements {
			return false
		}
		if !validValue(value, member, limit.characters) {
			return false
		}
	}
	return true
}

func validValue(value any, member string, limit int) bool {
	switch v := value.(type) {
	case string:
		return limit == 0 || characters(v) <= limit
	case []any:
		for _, element := range v {
			if !validValue(element, member, limit) {
				return false
			}
		}
	case map[string]any:
		text, isText := v["text"].(string)
		if !isText || v["type"] != "mrkdwn" && v["type"] != "plain_text" {
			return validObject(v, member)
		}
		if limit == 0 {
			limit = 3000
		}
		return text != "" && characters(text) <= limit
	}
	return true
}

func characters(s string) int { return len(utf16.Encode([]rune(s))) }
