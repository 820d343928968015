package rule

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// templateArgument compiles an argument that the plugin parses as a text/template. Constant text was written by the author of the
// rule and stays as it is. Text that depends on the event is data: every "{" in it is escaped, so that it cannot begin an action
// of the template, even in combination with the text around it.
func (c *compiler) templateArgument(e hclsyntax.Expression) *expr {
	x := c.compile(e)
	if x == nil || x.constant != nil || x.number != nil || x.boolean != nil {
		return x
	}
	switch e := e.(type) { // compiled again, and free of errors as the first time
	case *hclsyntax.ParenthesesExpr:
		return c.templateArgument(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return c.templateArgument(e.Wrapped)
	case *hclsyntax.TemplateExpr:
		return c.template(e, c.templateArgument)
	case *hclsyntax.ConditionalExpr:
		return c.conditional(e, c.templateArgument)
	}
	escape := func(f *frame, s string) string {
		if strings.IndexByte(s, '{') >= 0 {
			s = strings.ReplaceAll(s, "{", `{{"{"}}`)
			f.spend(x.at, len(s))
		}
		return s
	}
	if x.text != nil {
		return textExpr(x.at, func(f *frame) string { return escape(f, x.text(f)) })
	}
	return valueExpr(x.at, x.typ, func(f *frame) value {
		v := x.val(f)
		if v.kind == text {
			v = textValue(escape(f, v.str))
		}
		return v
	})
}

// template compiles "a${b}c", its parts with compile. It is never null.
func (c *compiler) template(e *hclsyntax.TemplateExpr, compile func(hclsyntax.Expression) *expr) *expr {
	var parts []func(*frame, []byte) []byte
	ok := true
	for _, p := range e.Parts {
		x := compile(p)
		if part := c.writer(x, "what is put into a string"); part != nil {
			parts = append(parts, part)
			continue
		}
		ok = false
	}
	if !ok {
		return nil
	}
	return writtenExpr(c.at(e.SrcRange), func(f *frame, buf []byte) []byte {
		for _, part := range parts {
			buf = part(f, buf)
		}
		return buf
	})
}

// writtenExpr is a string that is best appended to a buffer.
func writtenExpr(at *position, write func(*frame, []byte) []byte) *expr {
	e := textExpr(at, func(f *frame) string {
		buf := f.scratch
		f.scratch = nil // writing may come back here
		buf = write(f, buf[:0])
		f.scratch = buf
		f.spend(at, len(buf))
		return string(buf)
	})
	e.write = write
	return e
}

// writer appends x as text.
func (c *compiler) writer(x *expr, role string) func(*frame, []byte) []byte {
	s := c.asText(x, role)
	switch {
	case s == nil:
		return nil
	case x.constant != nil:
		lit, _ := x.constant.toText()
		return func(_ *frame, buf []byte) []byte { return append(buf, lit...) }
	case x.write != nil:
		return x.write
	case x.number != nil:
		return func(f *frame, buf []byte) []byte { return x.number(f).append(buf) }
	}
	if x.text != nil {
		return func(f *frame, buf []byte) []byte { return append(buf, x.text(f)...) }
	}
	return func(f *frame, buf []byte) []byte {
		v := x.val(f)
		if v.kind == null || v.kind == list || v.kind == object {
			f.failConvert(x.at, v, role, "a string")
		}
		return v.appendText(buf)
	}
}

// templateJoin compiles %{ for }: the texts of a list, one after the other.
func (c *compiler) templateJoin(e *hclsyntax.TemplateJoinExpr) *expr {
	x := c.compile(e.Tuple)
	if x == nil {
		return nil
	}
	at := c.at(e.Range())
	return writtenExpr(at, func(f *frame, buf []byte) []byte {
		for _, v := range x.val(f).items() {
			s, ok := v.toText()
			if !ok {
				f.failConvert(at, v, "what is put into a string", "a string")
			}
			if !f.spend(at, len(s)) {
				break
			}
			buf = append(buf, s...)
		}
		return buf
	})
}
