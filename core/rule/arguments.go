package rule

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/config"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// appender writes JSON behind buf.
type appender func(f *frame, buf []byte) []byte

// block is the body of a dispatch block, or of a block in it.
type block struct {
	arguments hcl.Attributes
	blocks    []*config.ArgumentBlock
}

// objectOf compiles a block to a JSON object that satisfies the schema. Names and the presence of what is required were checked
// when the configuration was read.
func (c *compiler) objectOf(schema *pluginv1.Schema, b block) appender {
	var members []appender // each ends in a comma
	ok := true
	for _, a := range schema.GetAttributes() {
		m, valid := c.memberOf(a, b.arguments[a.GetName()])
		ok = ok && valid
		if m != nil {
			members = append(members, m)
		}
	}
	for _, s := range schema.GetBlocks() {
		m, valid := c.blocksOf(s, b.blocks)
		ok = ok && valid
		if m != nil {
			members = append(members, m)
		}
	}
	if !ok {
		return nil
	}
	return func(f *frame, buf []byte) []byte {
		buf = append(buf, '{')
		for _, m := range members {
			buf = m(f, buf)
		}
		return closeWith(buf, '}')
	}
}

// closeWith replaces the comma after the last member, if there is one.
func closeWith(buf []byte, bracket byte) []byte {
	if last := len(buf) - 1; buf[last] == ',' {
		buf[last] = bracket
		return buf
	}
	return append(buf, bracket)
}

// memberOf compiles `"name":value,`; nil when there is nothing to write.
func (c *compiler) memberOf(a *pluginv1.Attribute, attr *hcl.Attribute) (member appender, ok bool) {
	name := append(appendText(nil, a.GetName()), ':')
	var otherwise []byte
	if a.GetDefaultJson() != "" {
		otherwise = append(append(slices.Clip(name), a.GetDefaultJson()...), ',')
	}
	if attr == nil {
		return literal(otherwise), true
	}
	compile := c.compile
	if a.GetTemplate() {
		compile = c.templateArgument
	}
	x := compile(attr.Expr.(hclsyntax.Expression))
	if !c.accepts(a, x) {
		return nil, false
	}
	switch {
	case x.isNull() && a.GetRequired():
		c.errorf(*x.rng(), attr.Range, "Missing argument", "The argument %q is required, and this is always null.", a.GetName())
		return nil, false
	case x.isNull():
		return literal(otherwise), true
	case x.constant != nil:
		v, problem := conform(a, *x.constant)
		if problem != "" {
			c.errorf(*x.rng(), attr.Range, "Invalid argument", "%s.", sentence(problem))
			return nil, false
		}
		return literal(append(appendValue(name, v), ',')), true
	}
	value := c.valueOf(a, x)
	return func(f *frame, buf []byte) []byte {
		start := len(buf)
		buf, present := value(f, append(buf, name...))
		if present {
			return append(buf, ',')
		}
		if a.GetRequired() {
			f.fail(x.at, "the argument %q is required, and this is null%s", a.GetName(), nullAdvice)
		}
		return append(buf[:start], otherwise...)
	}, true
}

func literal(json []byte) appender {
	if json == nil {
		return nil
	}
	return func(_ *frame, buf []byte) []byte { return append(buf, json...) }
}

// valueOf compiles the value of an argument. Its result is false, and nothing is written, when the value is null.
func (c *compiler) valueOf(a *pluginv1.Attribute, x *expr) func(*frame, []byte) ([]byte, bool) {
	if a.GetType() == pluginv1.Type_TYPE_STRING && len(a.GetOneOf()) == 0 && (x.text != nil || x.number != nil) {
		write := c.writer(x, "this")
		return func(f *frame, buf []byte) ([]byte, bool) {
			buf = append(buf, '"')
			start := len(buf)
			buf = escapeFrom(write(f, buf), start)
			return append(buf, '"'), true
		}
	}
	return func(f *frame, buf []byte) ([]byte, bool) {
		v := x.val(f)
		if v.kind == null {
			return buf, false
		}
		v, problem := conform(a, v)
		if problem != "" {
			f.fail(x.at, "%s", problem)
		}
		return appendValue(buf, v), true
	}
}

// blocksOf compiles the blocks of one type: an object, or a list of them where many may be written.
func (c *compiler) blocksOf(s *pluginv1.Block, all []*config.ArgumentBlock) (member appender, ok bool) {
	ok = true
	var objects []appender
	for _, b := range all {
		if b.Name != s.GetName() {
			continue
		}
		o := c.objectOf(s.GetSchema(), block{b.Arguments, b.Blocks})
		ok = ok && o != nil
		objects = append(objects, o)
	}
	if len(objects) == 0 || !ok {
		return nil, ok
	}
	name := append(appendText(nil, s.GetName()), ':')
	return func(f *frame, buf []byte) []byte {
		buf = append(buf, name...)
		if !s.GetMany() {
			return append(objects[0](f, buf), ',')
		}
		buf = append(buf, '[')
		for _, o := range objects {
			buf = append(o(f, buf), ',')
		}
		return append(closeWith(buf, ']'), ',')
	}, true
}

// sensitive returns the names of the attributes that a schema marks as sensitive. path is that of the block, ending in a dot.
func sensitive(s *pluginv1.Schema, path string) []string {
	var names []string
	for _, a := range s.GetAttributes() {
		if a.GetSensitive() {
			names = append(names, path+a.GetName())
		}
	}
	for _, b := range s.GetBlocks() {
		names = append(names, sensitive(b.GetSchema(), path+b.GetName()+".")...)
	}
	return names
}

// freeSchema replaces the schema of a plugin that was not described: it accepts any value for every argument written.
func freeSchema(b block) *pluginv1.Schema {
	s := &pluginv1.Schema{}
	for _, name := range slices.Sorted(maps.Keys(b.arguments)) {
		s.Attributes = append(s.Attributes, &pluginv1.Attribute{Name: name, Type: pluginv1.Type_TYPE_ANY})
	}
	for _, inner := range b.blocks {
		if !slices.ContainsFunc(s.Blocks, func(s *pluginv1.Block) bool { return s.Name == inner.Name }) {
			s.Blocks = append(s.Blocks, &pluginv1.Block{Name: inner.Name, Many: true, Schema: freeSchema(block{inner.Arguments, inner.Blocks})})
		}
	}
	return s
}
