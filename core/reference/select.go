package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman/pointsman/core/config"
)

// topics are the parts of a Model, in the order in which they are shown, and what a name after each is.
var topics = []struct{ name, of, doc string }{
	{"blocks", "block", "every block of a file, its attributes and their defaults"},
	{"functions", "function", "what expressions can call, what they can name, and how values are written"},
	{"events", "kind", "the fields of an event, by the kind of its source"},
	{"source", "kind", "the attributes of one kind of source"},
	{"plugin", "kind", "the settings and arguments of one kind of plugin"},
	{"tests", "block", "the blocks of a file of tests, *.test.hcl, which pointsman test runs"},
}

// Topics are the names of the parts that Select knows.
func Topics() []string {
	list := make([]string, len(topics))
	for i, t := range topics {
		list[i] = t.name
	}
	return list
}

// UnknownError is about a name that the Model does not have.
type UnknownError struct {
	// Topic is whether it was meant as a topic.
	Topic bool
	Text  string
}

func (e *UnknownError) Error() string { return e.Text }

// Select returns the part of m that a topic is about, and with a name only that block, function or kind. Errors are UnknownErrors.
func (m *Model) Select(topic, name string) (*Model, error) {
	part := &Model{FormatVersion: m.FormatVersion}
	var err error
	switch topic {
	case "blocks":
		part.Blocks, err = pick(m.Blocks, "block", name, func(b Block) string { return b.Name })
	case "functions":
		part.Functions, err = pick(m.Functions, "function", name, func(f Function) string { return f.Name })
		if name == "" {
			part.Types, part.Names = m.Types, m.Names
		}
	case "events":
		part.Events = &Events{Common: m.Events.Common}
		part.Events.Data, err = pick(m.Events.Data, "kind of event", name, func(d EventData) string { return d.Kind })
	case "source":
		part.Sources, err = pick(m.Sources, "kind of source", name, func(s Source) string { return s.Kind })
	case "plugin":
		part.Plugins, err = pick(m.Plugins, "kind of plugin", name, func(p Plugin) string { return p.Kind })
	case "tests":
		part.Tests, err = m.selectTests(name)
	default:
		err = m.unknownTopic(topic)
	}
	if err != nil {
		return nil, err
	}
	return part, nil
}

// selectTests returns the whole content of a file of tests, or only the block called name.
func (m *Model) selectTests(name string) (Body, error) {
	if name == "" {
		return m.Tests, nil
	}
	list, err := pick(m.testBlocks(), "block of a file of tests", name, func(b Block) string { return b.Name })
	return Body{Blocks: list}, err
}

// testBlocks are the blocks of a file of tests and those in them.
func (m *Model) testBlocks() (list []Block) {
	for _, b := range m.Tests.Blocks {
		list = append(append(list, b), b.Blocks...)
	}
	return list
}

// pick returns the element called name, or all if the name is empty.
func pick[E any](list []E, what, name string, nameOf func(E) string) ([]E, error) {
	if name == "" {
		return list, nil
	}
	var known []string
	for _, e := range list {
		if nameOf(e) == name {
			return []E{e}, nil
		}
		known = append(known, nameOf(e))
	}
	return nil, &UnknownError{Text: fmt.Sprintf("there is no %s %q%s", what, name, suggestion(name, known))}
}

func suggestion(name string, known []string) string {
	if s := config.Suggest(name, known); s != "" {
		return fmt.Sprintf(": did you mean %q?", s)
	}
	if len(known) == 0 {
		return ""
	}
	const most = 20
	if len(known) > most {
		return ""
	}
	return ": known are " + strings.Join(known, ", ")
}

// unknownTopic says where a name is explained that was given without its topic.
func (m *Model) unknownTopic(name string) error {
	for _, t := range topics {
		if part, err := m.Select(t.name, name); err == nil && part != nil {
			return &UnknownError{Topic: true, Text: fmt.Sprintf("there is no topic %q: write \"pointsman reference %s %s\"", name, t.name, name)}
		}
	}
	return &UnknownError{Topic: true, Text: fmt.Sprintf("there is no topic %q%s", name, suggestion(name, Topics()))}
}

// Overview says in a few lines what there is to read.
func (m *Model) Overview(width int) string {
	p := &page{width: width}
	p.text(0, "The configuration language of Pointsman. Read a part of it, or one name:")
	p.gap()
	for _, t := range topics {
		p.line(2, "pointsman reference %s <%s>", t.name, t.of)
		p.text(6, sentence(t.doc)+".")
		p.text(6, strings.Join(m.NamesOf(t.name), ", "))
	}
	return p.String()
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// NamesOf are the names that a topic explains.
func (m *Model) NamesOf(topic string) (list []string) {
	switch topic {
	case "blocks":
		for _, b := range m.Blocks {
			list = append(list, b.Name)
		}
	case "functions":
		for _, f := range m.Functions {
			list = append(list, f.Name)
		}
		slices.Sort(list)
	case "events":
		for _, d := range m.Events.Data {
			list = append(list, d.Kind)
		}
	case "source":
		for _, s := range m.Sources {
			list = append(list, s.Kind)
		}
	case "plugin":
		for _, p := range m.Plugins {
			list = append(list, p.Kind)
		}
	case "tests":
		for _, b := range m.testBlocks() {
			list = append(list, b.Name)
		}
	}
	return list
}
