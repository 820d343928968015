package reference

import (
	"fmt"
	"io"
	"strings"

	"github.com/mitchellh/go-wordwrap"
)

// WriteText prints what m has for people, in lines of at most width characters where words allow it.
func (m *Model) WriteText(w io.Writer, width int) error {
	p := &page{width: width}
	for _, b := range m.Blocks {
		p.block(b, 0)
	}
	p.values(m)
	p.functions(m.Functions)
	if m.Events != nil {
		p.fields("Every event", "", m.Events.Common)
		for _, d := range m.Events.Data {
			p.fields("event.data of kind "+d.Kind, d.Doc, d.Fields)
		}
	}
	for _, s := range m.Sources {
		p.block(sourceBlock(s), 0)
	}
	for _, pl := range m.Plugins {
		p.block(pluginBlock(pl), 0)
		p.block(dispatchBlock(pl), 0)
	}
	p.body(m.Tests, 0)
	_, err := io.WriteString(w, strings.Trim(p.String(), "\n")+"\n")
	return err
}

// page collects lines.
type page struct {
	strings.Builder
	width int
}

func (p *page) line(indent int, format string, a ...any) {
	p.WriteString(strings.TrimRight(strings.Repeat(" ", indent)+fmt.Sprintf(format, a...), " ") + "\n")
}

// text writes a paragraph.
func (p *page) text(indent int, s string) {
	if s == "" {
		return
	}
	for line := range strings.SplitSeq(wordwrap.WrapString(s, uint(max(p.width-indent, 20))), "\n") {
		p.line(indent, "%s", line)
	}
}

func (p *page) gap() { p.WriteByte('\n') }

// block writes a block as it is written in a file, with a description below each name.
func (p *page) block(b Block, indent int) {
	p.line(indent, "%s {%s", header(b), note(occurrence(b)))
	p.text(indent+2, b.Doc)
	p.body(b.Body, indent+2)
	if also := alsoDocs[b.Also]; also != "" {
		p.gap()
		p.text(indent+2, also)
	}
	p.line(indent, "}")
	if indent == 0 {
		p.gap()
	}
}

func (p *page) body(b Body, indent int) {
	for _, a := range b.Attributes {
		p.gap()
		p.line(indent, "%s = %s%s", a.Name, a.Type, note(facts(a)))
		p.text(indent+4, attributeDoc(a))
	}
	for _, inner := range b.Blocks {
		p.gap()
		p.block(inner, indent)
	}
}

func (p *page) values(m *Model) {
	p.list("Types, and how values are written", m.Types)
	p.list("Names in expressions", m.Names)
}

func (p *page) list(title string, names []Name) {
	if len(names) == 0 {
		return
	}
	p.line(0, "%s", title)
	for _, n := range names {
		p.line(2, "%s", n.Name)
		p.text(6, n.Doc)
	}
	p.gap()
}

func (p *page) functions(list []Function) {
	family := ""
	for _, f := range list {
		if f.Family != family {
			family = f.Family
			p.line(0, "# %s", family)
			p.gap()
		}
		p.line(0, "%s%s", f.Signature, note(f.Returns))
		p.text(4, strings.TrimSpace(f.Doc+" "+f.where()))
		for _, e := range f.Examples {
			p.text(4, "> "+e.Expression)
			p.text(6, e.Result)
		}
		p.gap()
	}
}

func (p *page) fields(title, doc string, fields []Field) {
	p.line(0, "%s", title)
	p.text(2, doc)
	for _, f := range fields {
		p.line(2, "%s%s", f.Path, note(f.Type))
		p.text(6, f.Doc)
	}
	p.gap()
}

// note is set after what it is about.
func note(s string) string {
	if s == "" {
		return ""
	}
	return "  # " + s
}
