package main

import "fmt"

// Slack's limits, in characters of the text as it is sent, escapes included. Those of messages are from the reference of
// chat.postMessage, those of blocks from the Block Kit reference (docs.slack.dev/reference/block-kit).
const (
	maxText        = 40_000 // of a message
	maxSection     = 3_000  // of a section or an attachment, and of every text object that has no limit of its own
	maxField       = 2_000
	maxName        = 80
	maxBlocks      = 50
	maxAttachments = 100
)

// textLimits has the texts that are shorter than maxSection, by the object and its member. An object without a type, such as an
// option, goes by the member that holds it.
var textLimits = map[string]int{
	"header.text": 150, "section.fields": maxField, "context.elements": maxField, "markdown.text": 12_000,
	"image.title": 2000, "image.alt_text": 2000, "input.label": 2000, "input.hint": 2000,
	"video.title": 199, "video.description": 199, "video.author_name": 49, "video.alt_text": 2000,
	"button.text": 75, "button.accessibility_label": 75, "workflow_button.text": 75, "workflow_button.accessibility_label": 75,
	"options.text": 75, "options.description": 75, "initial_option.text": 75, "initial_options.text": 75, "option_groups.label": 75,
	"confirm.title": 100, "confirm.text": 300, "confirm.confirm": 30, "confirm.deny": 30,
	"alert.text": 200, "card.title": 150, "card.subtitle": 150, "card.body": 200,
}

// placeholderLimit is that of the placeholder of every element.
const placeholderLimit = 150

// listLimits has the lists whose end may be dropped.
var listLimits = map[string]int{
	"section.fields": 10, "context.elements": 10, "actions.elements": 25, "context_actions.elements": 5, "table.rows": 100,
	"checkboxes.options": 10, "radio_buttons.options": 10, "overflow.options": 5, "static_select.options": 100,
	"multi_static_select.options": 100, "option_groups.options": 100, "static_select.option_groups": 100, "multi_static_select.option_groups": 100,
}

// exactLimits has the strings that mean something else when they are cut.
var exactLimits = map[string]int{
	"block_id": 255, "action_id": 255, "url": 3000, "image_url": 3000, "title_url": 3000, "thumbnail_url": 3000, "video_url": 3000,
	"button.value": 2000, "options.value": 150,
}

// limitOf returns the limit of a member of an object, from a table by "object.member" or by "member" alone.
func limitOf(table map[string]int, object, member string) (limit int, known bool) {
	if limit, known = table[object+"."+member]; !known {
		limit, known = table[member]
	}
	return limit, known
}

// tooLongError says which string exceeds a limit and cannot be cut.
func tooLongError(path string, length, limit int) error {
	return fmt.Errorf("%s has %d characters; Slack allows %d", path, length, limit)
}
