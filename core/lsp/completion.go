package lsp

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/reference"
)

func (s *server) completion(_ context.Context, p positionParams) (completionList, error) {
	list := completionList{Items: []completionItem{}}
	sc, err := s.scopeAt(p)
	if err != nil || sc == nil || sc.Comment {
		return list, err
	}
	c := &completer{scope: sc}
	switch {
	case sc.Label >= 0:
		c.labels()
	case sc.Attribute != nil && sc.Quoted:
		c.texts()
	case sc.Attribute != nil:
		c.expression()
	case len(sc.Blocks) == 0 || sc.offset >= sc.Blocks[len(sc.Blocks)-1].Open:
		c.content()
	}
	list.Items = append(list.Items, c.items...)
	return list, nil
}

// completer collects what can be written at a place.
type completer struct {
	*scope
	items []completionItem
}

// add offers text in place of what is written from an offset to the end of the name around the place.
func (c *completer) add(start int, item completionItem, text, doc string) {
	end := c.Start + len(c.Name)
	item.TextEdit = &textEdit{Range: c.doc.span(start, max(end, c.offset)), NewText: text}
	if doc != "" {
		item.Documentation = &markup{Kind: "markdown", Value: doc}
	}
	c.items = append(c.items, item)
}

// word offers text in place of a word.
func (c *completer) word(w config.Word, item completionItem, doc string) {
	item.TextEdit = &textEdit{Range: c.doc.span(w.Start, w.End), NewText: item.Label}
	if doc != "" {
		item.Documentation = &markup{Kind: "markdown", Value: doc}
	}
	c.items = append(c.items, item)
}

// labels offers kinds, and the plugins that a dispatch block can name.
func (c *completer) labels() {
	block := c.Blocks[len(c.Blocks)-1]
	at := block.Labels[c.Label]
	switch {
	case block.Type.Text == "source" && c.Label == 0:
		for _, s := range c.model.Sources {
			c.word(at, completionItem{Label: s.Kind, Kind: kindModule}, s.Doc)
		}
	case block.Type.Text == "plugin" && c.Label == 0:
		for _, p := range c.model.Plugins {
			c.word(at, completionItem{Label: p.Kind, Kind: kindModule}, p.Doc)
		}
	case block.Type.Text == "dispatch":
		c.names(at, "plugin")
	}
}

func (c *completer) names(at config.Word, what string) {
	for _, d := range c.declared {
		if d.what == what {
			c.word(at, completionItem{Label: d.name, Kind: kindModule, Detail: d.detail()}, "")
		}
	}
}

// texts offers what can stand between quotes.
func (c *completer) texts() {
	for _, w := range c.Attribute.Texts {
		if !w.Has(c.offset) {
			continue
		}
		if a := c.attribute(c.Attribute.Name.Text); a != nil {
			for _, v := range a.OneOf {
				c.word(w, completionItem{Label: v, Kind: kindValue}, "")
			}
		}
		c.names(w, c.named(c.Attribute.Name.Text))
	}
}

// expression offers names, members and functions.
func (c *completer) expression() {
	parent, last := split(c.Prefix)
	start := c.offset - len(last)
	switch {
	case parent == "event" || strings.HasPrefix(parent, "event."):
		for _, f := range c.fields {
			if in, name := split(f.Path); in == parent && c.perEvent {
				c.add(start, completionItem{Label: name, Kind: kindField, Detail: f.Type}, name, f.Doc)
			}
		}
		return
	case parent == "var" || parent == "local":
		for _, d := range c.declared {
			if d.what == parent {
				c.add(start, completionItem{Label: d.name, Kind: kindVariable, Detail: filepath.Base(d.in.path)}, d.name, d.value)
			}
		}
		return
	case parent != "" && parent != "each":
		return
	}
	for _, n := range c.model.Names {
		in, name := split(n.Name)
		if parent == "" && in != "" {
			name = in // var, local, each
		}
		usable := !n.PerEvent || c.perEvent
		if in == "each" && (c.rule == nil || attribute(c.rule, "for_each") == nil) {
			usable = false
		}
		if usable && (parent == "" || in == parent) && !c.has(name) {
			c.add(start, completionItem{Label: name, Kind: kindVariable}, name, n.Doc)
		}
	}
	if parent == "" {
		c.values(start)
		c.functions(start)
	}
}

func (c *completer) has(label string) bool {
	for _, i := range c.items {
		if i.Label == label {
			return true
		}
	}
	return false
}

// values offers the values that an attribute can have, if they are few.
func (c *completer) values(start int) {
	a := c.attribute(c.Attribute.Name.Text)
	if a == nil {
		return
	}
	if a.Type == "bool" {
		for _, v := range []string{"true", "false"} {
			c.add(start, completionItem{Label: v, Kind: kindKeyword}, v, "")
		}
	}
	for _, v := range a.OneOf {
		c.add(start, completionItem{Label: fmt.Sprintf("%q", v), Kind: kindValue}, fmt.Sprintf("%q", v), "")
	}
}

func (c *completer) functions(start int) {
	for _, f := range c.model.Functions {
		if f.Secret && c.rule != nil || f.PerEvent && !c.perEvent {
			continue
		}
		c.add(start, completionItem{Label: f.Name, Kind: kindFunction, Detail: f.Signature, InsertTextFormat: 2}, f.Name+"($0)", functionDoc(&f))
	}
}

// content offers the attributes and blocks of a body that are not written yet.
func (c *completer) content() {
	written := c.doc.outline.Root
	if n := len(c.Blocks); n > 0 {
		written = c.Blocks[n-1]
	}
	for _, a := range c.body.Attributes {
		if attribute(written, a.Name) == nil {
			c.add(c.Start, completionItem{Label: a.Name, Kind: kindProperty, Detail: a.Type}, a.Name+" = ", attributeDoc(&a))
		}
	}
	for _, b := range c.body.Blocks {
		if b.Many || !hasBlock(written, b.Name) {
			c.add(c.Start, completionItem{Label: b.Name, Kind: kindKeyword, Detail: "block", InsertTextFormat: 2}, blockSnippet(b), b.Doc)
		}
	}
}

func hasBlock(in *config.OutlineBlock, name string) bool {
	for _, b := range in.Blocks {
		if b.Type.Text == name {
			return true
		}
	}
	return false
}

// blockSnippet is a block to fill in.
func blockSnippet(b reference.Block) string {
	var text strings.Builder
	text.WriteString(b.Name)
	for i, l := range b.Labels {
		fmt.Fprintf(&text, ` "${%d:%s}"`, i+1, l)
	}
	return text.String() + " {\n  $0\n}"
}
