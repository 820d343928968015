package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// parseBlocks reads the argument blocks. Texts in it are escaped and cut like any other, because rules put parts of events there.
func (t *texts) parseBlocks(raw json.RawMessage) ([]any, error) {
	list, err := parseList("blocks", raw)
	if err != nil {
		return nil, err
	}
	for i, element := range list {
		if kind, _ := element.(map[string]any)["type"].(string); kind == "" {
			return nil, fmt.Errorf("blocks[%d]: has no type", i)
		}
	}
	return t.fitBlocks("blocks", list), nil
}

// parseAttachments reads the argument attachments.
func (t *texts) parseAttachments(raw json.RawMessage) ([]any, error) {
	list, err := parseList("attachments", raw)
	if err != nil {
		return nil, err
	}
	for i, element := range list {
		t.fitAttachment(fmt.Sprintf("attachments[%d]", i), element.(map[string]any))
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

func (t *texts) fitBlocks(path string, list []any) []any {
	for i, element := range list {
		if block, ok := element.(map[string]any); ok {
			t.fitObject(fmt.Sprintf("%s[%d]", path, i), "", block)
		}
	}
	return t.limitList(path, list, maxBlocks, truncatedBlock())
}

func truncatedBlock() any {
	return map[string]any{"type": "context", "elements": []any{map[string]any{"type": "plain_text", "text": mark}}}
}

// fitObject makes every string in an object of Block Kit fit Slack's limits. Text objects hold Slack's markup or what may be taken
// for it; other strings, such as URLs and the literal texts of rich_text, only lose invisible characters. holder is the member
// that holds the object, for objects without a type.
func (t *texts) fitObject(path, holder string, object map[string]any) {
	kind, _ := object["type"].(string)
	if kind == "" {
		kind = holder
	}
	for member, value := range object {
		object[member] = t.fitMember(path+"."+member, kind, member, value)
	}
}

func (t *texts) fitMember(path, kind, member string, value any) any {
	switch v := value.(type) {
	case string:
		if limit, known := limitOf(exactLimits, kind, member); known {
			return t.exact(path, v, limit)
		}
		if limit, known := textLimits[kind+"."+member]; known {
			return t.fitAt(path, v, limit)
		}
		return neutral(v)
	case []any:
		for i := range v {
			v[i] = t.fitMember(fmt.Sprintf("%s[%d]", path, i), kind, member, v[i])
		}
		if limit, known := listLimits[kind+"."+member]; known {
			return t.limitList(path, v, limit, truncatedElement[kind+"."+member])
		}
	case map[string]any:
		text, isText := v["text"].(string)
		if !isText || v["type"] != "mrkdwn" && v["type"] != "plain_text" {
			t.fitObject(path, member, v)
			break
		}
		limit, known := textLimits[kind+"."+member]
		switch {
		case member == "placeholder":
			limit = placeholderLimit
		case !known:
			limit = maxSection
		}
		v["text"] = t.fitAt(path, text, limit)
		if v["text"] == "" {
			v["text"] = "-" // Slack refuses a whole message for an empty text object
		}
	}
	return value
}

// truncatedElement is added to lists that show where they were cut.
var truncatedElement = map[string]any{
	"section.fields":   map[string]any{"type": "mrkdwn", "text": mark},
	"context.elements": map[string]any{"type": "mrkdwn", "text": mark},
}

// attachmentTexts are the members of an attachment that Slack shows as text, with their limits.
var attachmentTexts = map[string]int{
	"fallback": maxSection, "text": maxSection, "pretext": maxSection, "title": maxSection, "author_name": maxField, "footer": maxField,
}

func (t *texts) fitAttachment(path string, a map[string]any) {
	for name, value := range a {
		at := path + "." + name
		limit, shown := attachmentTexts[name]
		text, isText := value.(string)
		list, isList := value.([]any)
		switch {
		case shown && isText:
			a[name] = t.fitAt(at, text, limit)
		case name == "fields" && isList:
			t.fitFields(at, list)
		case name == "blocks" && isList:
			a[name] = t.fitBlocks(at, list)
		default:
			a[name] = t.fitMember(at, "attachment", name, value)
		}
	}
}

// fitFields fits the fields of an attachment. Slack shows every string of them.
func (t *texts) fitFields(path string, list []any) {
	for i, element := range list {
		f, ok := element.(map[string]any)
		if !ok {
			continue
		}
		for name, value := range f {
			if text, isText := value.(string); isText {
				f[name] = t.fitAt(fmt.Sprintf("%s[%d].%s", path, i, name), text, maxField)
			}
		}
	}
}
