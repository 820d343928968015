package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// object is a block whose attributes are evaluated and checked against a schema. The router's own blocks, those of sources
// and the settings of plugins are all decoded this way.
type object struct {
	schema *pluginv1.Schema
	fields map[string]field
	blocks map[string][]*object
	// unknown are the attributes that have no value here, because of Options.Offline. They are not in fields.
	unknown map[string]field
	// rng is the block's header.
	rng hcl.Range
}

// field is the value of one attribute.
type field struct {
	// value has the attribute's type and no marks; it is cty.NilVal when there is none because of an error.
	value cty.Value
	// secret is set by the schema or because the value came from env(), file() or a sensitive variable.
	secret bool
	// rng is the expression; the block's header for a default.
	rng hcl.Range
	// written is false for a default.
	written bool
	// missing are the marks of what is not there. The value is unknown if there are any.
	missing cty.ValueMarks
}

// decoding holds the options of decoding a body.
type decoding struct {
	// what names the block at the beginning of a sentence: `Source "lab"`.
	what string
	// secrets allows env(), file() and sensitive values in attributes that are not sensitive themselves.
	secrets bool
	// own marks the router's own blocks that have no secrets, so that an unknown attribute cannot be a misspelt one.
	own bool
	rng hcl.Range
	// skip are attributes and blocks of the schema that the caller decodes itself.
	skip []string
	// also are attributes and blocks that the body may have in addition to those of the schema.
	also *pluginv1.Schema
}

// object decodes a body. It returns the attributes without errors; ok means that all are.
func (l *loader) object(body *hclsyntax.Body, s *pluginv1.Schema, how decoding) (*object, bool) {
	o := &object{schema: s, fields: map[string]field{}, blocks: map[string][]*object{}, unknown: map[string]field{}, rng: how.rng}
	ok := l.known(body, s, how)
	for _, a := range s.GetAttributes() {
		if slices.Contains(how.skip, a.GetName()) {
			continue
		}
		written := body.Attributes[a.GetName()]
		var f field
		valid := true
		if written != nil {
			f, valid = l.field(written, a, how)
		}
		switch {
		case written == nil && a.GetRequired() && misspelt(body, a.GetName(), s, how):
			valid = false // Reported as an unknown attribute.
		case written == nil || valid && f.value.IsNull():
			f, valid = l.absent(a, how)
		}
		ok = ok && valid
		switch {
		case len(f.missing) > 0:
			o.unknown[a.GetName()] = f
		case f.value != cty.NilVal:
			o.fields[a.GetName()] = f
		}
	}
	for _, b := range s.GetBlocks() {
		if slices.Contains(how.skip, b.GetName()) {
			continue
		}
		found, valid := l.nested(body, b, how)
		ok = ok && valid
		if found != nil {
			o.blocks[b.GetName()] = found
		}
	}
	return o, ok
}

// nested decodes the blocks of one type.
func (l *loader) nested(body *hclsyntax.Body, b *pluginv1.Block, how decoding) ([]*object, bool) {
	var found []*object
	blocks, ok := l.blocksNamed(body, b, how)
	for _, block := range blocks {
		inner := how
		inner.what, inner.rng, inner.skip = fmt.Sprintf("The block %q", b.GetName()), block.DefRange(), nil
		o, valid := l.object(block.Body, b.GetSchema(), inner)
		ok = ok && valid
		found = append(found, o)
	}
	return found, ok
}

// blocksNamed finds the blocks of one type and checks their number.
func (l *loader) blocksNamed(body *hclsyntax.Body, b *pluginv1.Block, how decoding) ([]*hclsyntax.Block, bool) {
	ok := true
	var blocks []*hclsyntax.Block
	for _, block := range body.Blocks {
		if block.Type != b.GetName() {
			continue
		}
		if len(blocks) > 0 && !b.GetMany() {
			l.error(block.DefRange(), "Block written twice", fmt.Sprintf("%s may have one %q block. The other is at %s.", how.what, b.GetName(), place(blocks[0].DefRange())))
			ok = false
			continue
		}
		ok = l.noLabels(block) && ok
		blocks = append(blocks, block)
	}
	if len(blocks) == 0 && b.GetRequired() {
		l.error(how.rng, "Missing block", fmt.Sprintf("%s needs a block %q.%s", how.what, b.GetName(), explain(b.GetDoc())))
		ok = false
	}
	return blocks, ok
}

// absent is the value of an attribute that is not written, or written as null.
func (l *loader) absent(a *pluginv1.Attribute, how decoding) (field, bool) {
	if a.GetRequired() {
		l.error(how.rng, "Missing attribute", fmt.Sprintf("%s needs %q, %s.%s", how.what, a.GetName(), typeName(a), explain(a.GetDoc())))
		return field{}, false
	}
	if a.GetDefaultJson() == "" {
		return field{}, true
	}
	value, err := l.defaultOfAttribute(a)
	if err != nil {
		l.error(how.rng, "Invalid schema", fmt.Sprintf("%s has a default for %q that is not %s: %v. This is a fault of the plugin or source.", how.what, a.GetName(), typeName(a), err))
		return field{}, false
	}
	return field{value: value, secret: a.GetSensitive(), rng: how.rng}, true
}

// defaultOfAttribute is defaultValue, read once: thousands of rules have the same defaults.
func (l *loader) defaultOfAttribute(a *pluginv1.Attribute) (cty.Value, error) {
	value, ok := l.defaults[a]
	if ok {
		return value, nil
	}
	value, err := defaultValue(a)
	if err != nil {
		return value, err
	}
	if l.defaults == nil {
		l.defaults = map[*pluginv1.Attribute]cty.Value{}
	}
	l.defaults[a] = value
	return value, nil
}

// known reports attributes and blocks that the schema does not have.
func (l *loader) known(body *hclsyntax.Body, s *pluginv1.Schema, how decoding) bool {
	ok := true
	attributes := append(attributeNames(s), attributeNames(how.also)...)
	blocks := append(blockNames(s), blockNames(how.also)...)
	report := func(name, content hcl.Range, summary, detail string) {
		ok = false
		if !how.own {
			l.mask(content)
		}
		l.error(name, summary, detail)
	}
	for _, attr := range sortedAttributes(body) {
		name, content := attr.Name, attr.Expr.Range()
		switch {
		case slices.Contains(attributes, name):
		case slices.Contains(blocks, name):
			report(attr.NameRange, content, "A block is needed here", fmt.Sprintf("%q is a block: write %s { ... }, without an equals sign.", name, name))
		default:
			report(attr.NameRange, content, "Unknown attribute", fmt.Sprintf("%s has no attribute %q.%s", how.what, name, didYouMean(name, attributes, "attributes")))
		}
	}
	for _, block := range body.Blocks {
		name, content := block.Type, block.Body.Range()
		switch {
		case slices.Contains(blocks, name):
		case slices.Contains(attributes, name):
			report(block.DefRange(), content, "An attribute is needed here", fmt.Sprintf("%q is an attribute: write %s = ..., with an equals sign.", name, name))
		default:
			report(block.DefRange(), content, "Unknown block", fmt.Sprintf("%s has no block %q.%s", how.what, name, didYouMean(name, blocks, "blocks")))
		}
	}
	return ok
}

// misspelt reports whether an unknown attribute was reported with this name as the suggestion.
func misspelt(body *hclsyntax.Body, name string, s *pluginv1.Schema, how decoding) bool {
	known := append(attributeNames(s), attributeNames(how.also)...)
	for written := range body.Attributes {
		if !slices.Contains(known, written) && Suggest(written, known) == name {
			return true
		}
	}
	return false
}

// noLabels reports labels on a block that takes none.
func (l *loader) noLabels(b *hclsyntax.Block) bool {
	if len(b.Labels) == 0 {
		return true
	}
	l.error(b.LabelRanges[0], "Unexpected label", fmt.Sprintf("A %q block here has no label.", b.Type))
	return false
}

// explain appends the doc of a schema to a sentence.
func explain(doc string) string {
	if doc == "" {
		return ""
	}
	return " " + doc
}

func attributeNames(s *pluginv1.Schema) []string {
	var names []string
	for _, a := range s.GetAttributes() {
		names = append(names, a.GetName())
	}
	return names
}

func blockNames(s *pluginv1.Schema) []string {
	var names []string
	for _, b := range s.GetBlocks() {
		names = append(names, b.GetName())
	}
	return names
}

func namesOf(s *pluginv1.Schema) []string { return append(attributeNames(s), blockNames(s)...) }
