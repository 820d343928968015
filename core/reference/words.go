package reference

import (
	"fmt"
	"slices"
	"strings"
)

// alsoDocs says in a sentence what Block.Also means.
var alsoDocs = map[string]string{
	"names":     "Every attribute is a value of that name.",
	"source":    "The other attributes are those of the kind: pointsman reference source <kind>.",
	"settings":  "The content depends on the kind of plugin: pointsman reference plugin <kind>.",
	"arguments": "The other attributes and blocks are the arguments of the plugin: pointsman reference plugin <kind>. They may use the event.",

	"every source":   "What every source block may have besides: pointsman reference blocks source.",
	"every plugin":   "What every plugin block may have besides: pointsman reference blocks plugin.",
	"every dispatch": "What every dispatch block may have besides: pointsman reference blocks rule.",
}

// header is how the block begins: `rule "<name>"`.
func header(b Block) string {
	var h strings.Builder
	h.WriteString(b.Name)
	for _, label := range b.Labels {
		if strings.HasPrefix(label, `"`) {
			h.WriteString(" " + label) // a label that is given
		} else {
			fmt.Fprintf(&h, ` "<%s>"`, label)
		}
	}
	return h.String()
}

// occurrence says how often a block is written.
func occurrence(b Block) string {
	switch {
	case b.Required && b.Many:
		return "one or more"
	case b.Required:
		return "one"
	case b.Many:
		return "any number"
	}
	return "at most one"
}

// facts are what an attribute is besides its type.
func facts(a Attribute) string {
	var words []string
	if a.Required {
		words = append(words, "required")
	}
	if a.Default != "" {
		words = append(words, "default "+a.Default)
	}
	if a.Sensitive {
		words = append(words, "secret")
	}
	if a.PerEvent {
		words = append(words, "per event")
	}
	return strings.Join(words, ", ")
}

// attributeDoc is the doc with the allowed values.
func attributeDoc(a Attribute) string {
	if len(a.OneOf) == 0 {
		return a.Doc
	}
	quoted := make([]string, len(a.OneOf))
	for i, v := range a.OneOf {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	return strings.TrimSpace(fmt.Sprintf("%s One of %s.", a.Doc, strings.Join(quoted, ", ")))
}

// sourceBlock is a source block of one kind.
func sourceBlock(s Source) Block {
	return Block{Name: "source", Labels: []string{fmt.Sprintf("%q", s.Kind), "name"}, Doc: s.Doc, Many: true, Also: "every source", Body: s.Body}
}

// pluginBlock is a plugin block of one kind.
func pluginBlock(p Plugin) Block {
	settings := Block{Name: "settings", Doc: "The plugin's own settings.", Body: p.Settings}
	return Block{Name: "plugin", Labels: []string{fmt.Sprintf("%q", p.Kind), "name"}, Doc: p.Doc, Many: true, Also: "every plugin", Body: Body{Blocks: []Block{settings}}}
}

// dispatchBlock is a dispatch block to a plugin of one kind.
func dispatchBlock(p Plugin) Block {
	return Block{
		Name: "dispatch", Labels: []string{"name of a " + p.Kind + " plugin"}, Doc: "Its arguments may use the event.", Required: true, Many: true,
		Also: "every dispatch", Body: constant(p.Arguments),
	}
}

// constant is a body without the notes that its attributes may use the event, for a place where all may.
func constant(b Body) Body {
	c := Body{Attributes: slices.Clone(b.Attributes), Blocks: slices.Clone(b.Blocks)}
	for i := range c.Attributes {
		c.Attributes[i].PerEvent = false
	}
	for i := range c.Blocks {
		c.Blocks[i].Body = constant(c.Blocks[i].Body)
	}
	return c
}
