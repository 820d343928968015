package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// arguments are those of a `dispatch` block.
type arguments struct {
	Text        string          `pointsman:"text" doc:"The message. With blocks: what notifications show."`
	Channel     string          `pointsman:"channel" doc:"Where it goes: \"#ops\", or the id of a channel. Default: that of the settings."`
	Username    *string         `pointsman:"username" doc:"Shown as the sender. Default: that of the settings."`
	IconEmoji   *string         `pointsman:"icon_emoji" doc:"Shown beside the sender. Default: that of the settings."`
	Color       string          `pointsman:"color" doc:"Bar beside the message: good, warning, danger or #RRGGBB."`
	Pretext     string          `pointsman:"pretext" doc:"Line above the attachment."`
	Title       string          `pointsman:"title" doc:"Title of the attachment."`
	Fields      []fieldArgument `pointsman:"field" doc:"A title and a value of the attachment."`
	Blocks      json.RawMessage `pointsman:"blocks" doc:"Block Kit: a list of blocks, or JSON of one."`
	Attachments json.RawMessage `pointsman:"attachments" doc:"Legacy attachments: a list, or JSON of one."`
	ThreadTS    string          `pointsman:"thread_ts" doc:"Answer in the thread of the message with this ts."`
	Markdown    *bool           `pointsman:"markdown" doc:"false: text is shown as it is, without *bold* and the like."`
	Escape      bool            `pointsman:"escape,default=true" doc:"false: <links> and <!mentions> in texts work, also those that somebody put into an event."`
	Digest      *digestArgument `pointsman:"digest" doc:"Make one message of many deliveries."`
}

// fieldArgument is a block `field`.
type fieldArgument struct {
	Title string `pointsman:"title" doc:"Shown in bold."`
	Value string `pointsman:"value" doc:"Shown below the title."`
	Short bool   `pointsman:"short" doc:"true: may stand beside another field."`
}

// digestArgument is the block `digest`.
type digestArgument struct {
	Key    string        `pointsman:"key" doc:"Deliveries with the same key become one message. Default: the name of the rule."`
	Window time.Duration `pointsman:"window,default=1m" doc:"How long to wait for more after the first. A digest leaves before the timeout of a delivery in it ends, whatever the window."`
	First  int           `pointsman:"first,default=5" doc:"How many of them are listed; the others are counted."`
}

const (
	maxWindow = time.Hour
	maxFirst  = 100
)

var colorForm = regexp.MustCompile(`^(good|warning|danger|#[0-9A-Fa-f]{6})$`)

// mistake returns what is wrong with arguments that satisfy the schema.
func (a *arguments) mistake() error {
	var errs []error
	if a.Color != "" && !colorForm.MatchString(a.Color) {
		errs = append(errs, fmt.Errorf("color: %q; want good, warning, danger or #RRGGBB", clip(a.Color)))
	}
	if g := a.Digest; g != nil && (g.Window <= 0 || g.Window > maxWindow) {
		errs = append(errs, fmt.Errorf("digest.window: %s; want more than 0s, at most %s", g.Window, maxWindow))
	}
	if g := a.Digest; g != nil && (g.First < 1 || g.First > maxFirst) {
		errs = append(errs, fmt.Errorf("digest.first: %d; want 1 to %d", g.First, maxFirst))
	}
	return errors.Join(errs...)
}

// hasContent reports whether the arguments, apart from blocks and attachments, have visible content. Without any the message shows
// the event.
func (a *arguments) hasContent() bool {
	return !blank(a.Text) || !blank(a.Pretext) || !blank(a.Title) || len(a.Fields) > 0
}
