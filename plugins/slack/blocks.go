package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// parseBlocks reads the argument blocks. Texts in it are escaped and cut like any other: a rule writes parts of events there.
func parseBlocks(t texts, raw json.RawMessage) ([]any, error) {
	list, err := parseList("blocks", raw)
	if err != nil {
		return nil, err
	}
	for i, element := range list {
		block := element.(map[string]any)
		if kind, _ := block["type"].(string); kind == "" {
			return nil, fmt.Errorf("blocks[%d]: has no type", i)
		}
		t.fitBlock(block)
	}
	return limitList(list, maxBlocks, truncatedBlock()), nil
}

func truncatedBlock() any {
	return map[string]any{"type": "context", "elements": []any{map[string]any{"type": "plain_text", "text": mark}}}
}

// parseAttachments reads the argument attachments.
func parseAttachments(t texts, raw json.RawMessage) ([]any, error) {
	list, err := parseList("attachments", raw)
	if err != nil {
		return nil, err
	}
	for _, element := range list {
		t.fitAttachment(element.(map[string]any))
	}
	return list, nil
}

// parseList reads a list of objects, as HCL or as a string of JSON.
func parseList(name string, raw json.RawMessage) ([]any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	var list []any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	err := dec.Decode(&list)
	if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); wrongType {
		return nil, fmt.Errorf("%s: want a list of objects", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: is no JSON: %s", name, clip(err.Error()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is more after the JSON list", name)
	}
	for i, element := range list {
		if _, ok := element.(map[string]any); !ok {
			return nil, fmt.Errorf("%s[%d]: want an object", name, i)
		}
	}
	return list, nil
}

func (t texts) fitBlock(block map[string]any) {
	limit := maxSection
	if block["type"] == "header" {
		limit = maxHeader
	}
	more := map[string]any{"type": "mrkdwn", "text": mark}
	for name, value := range block {
		list, isList := value.([]any)
		switch {
		case name == "fields" && isList:
			block[name] = t.fitAny(limitList(list, maxFields, more), maxField)
		case name == "elements" && isList && block["type"] == "context":
			block[name] = t.fitAny(limitList(list, maxElements, more), maxField)
		default:
			block[name] = t.fitAny(value, limit)
		}
	}
}

// fitAny makes every string below value fit, whatever block it is in. Those of text objects are Slack's markup or may be taken
// for it; others, such as URLs and the literal texts of rich_text, are only freed of what is invisible.
func (t texts) fitAny(value any, limit int) any {
	switch v := value.(type) {
	case string:
		return neutral(v)
	case []any:
		for i := range v {
			v[i] = t.fitAny(v[i], limit)
		}
	case map[string]any:
		for name, inner := range v {
			text, isText := inner.(string)
			if isText && name == "text" && (v["type"] == "mrkdwn" || v["type"] == "plain_text") {
				v[name] = t.fit(text, limit)
				continue
			}
			v[name] = t.fitAny(inner, limit)
		}
	}
	return value
}

// attachmentTexts are the members of an attachment that are shown as text, with their limits.
var attachmentTexts = map[string]int{
	"fallback": maxSection, "text": maxSection, "pretext": maxSection, "title": maxSection, "author_name": maxField, "footer": maxField,
}

func (t texts) fitAttachment(a map[string]any) {
	for name, value := range a {
		limit, shown := attachmentTexts[name]
		text, isText := value.(string)
		list, isList := value.([]any)
		switch {
		case shown && isText:
			a[name] = t.fit(text, limit)
		case name == "fields" && isList:
			t.fitFields(list)
		case name == "blocks" && isList:
			a[name] = t.fitBlocks(list)
		default:
			a[name] = t.fitAny(value, maxSection)
		}
	}
}

func (t texts) fitBlocks(list []any) []any {
	for _, element := range list {
		if block, ok := element.(map[string]any); ok {
			t.fitBlock(block)
		}
	}
	return limitList(list, maxBlocks, truncatedBlock())
}

// fitFields: every string of a legacy field is shown.
func (t texts) fitFields(list []any) {
	for _, element := range list {
		f, ok := element.(map[string]any)
		if !ok {
			continue
		}
		for name, value := range f {
			if text, isText := value.(string); isText {
				f[name] = t.fit(text, maxField)
			}
		}
	}
}
