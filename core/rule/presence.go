package rule

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"google.golang.org/protobuf/reflect/protoreflect"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Presence says whether there is what a clause reads.
type Presence uint8

// Presences.
const (
	// Present is a value other than null.
	Present Presence = iota
	// Null is a null that somebody wrote.
	Null
	// Missing is a member that its object does not have. Rules read null.
	Missing
	// NotSet is a field of the event that the sender did not fill. Rules read null.
	NotSet
)

func (p Presence) String() string { return [...]string{"present", "null", "missing", "not set"}[p] }

// step is a path that leads to the next one.
type step struct {
	text string
	// x is nil for what rules cannot read as a whole, such as all locals.
	x *expr
	// key is the last step of the path: the name of a member, or the index of an element.
	key func(*frame) string
}

// way compiles the paths that lead to an expression, itself last.
func (c *compiler) way(e hclsyntax.Expression) []step {
	var before []step
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.way(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		for i := range e.Traversal {
			shorter := e.Traversal[:i+1]
			at := &hclsyntax.ScopeTraversalExpr{Traversal: shorter, SrcRange: shorter.SourceRange()}
			before = append(before, step{c.at(at.SrcRange).text(), c.compile(at), key(e.Traversal[i])})
		}
		return before
	case *hclsyntax.IndexExpr:
		chosen := c.compile(e.Key)
		before = c.way(e.Collection)
		return append(before, step{c.at(e.SrcRange).text(), c.compile(e), func(f *frame) string {
			text, _ := chosen.val(f).toText()
			return text
		}})
	case *hclsyntax.RelativeTraversalExpr:
		before = c.way(e.Source)
		for i := range e.Traversal {
			shorter := &hclsyntax.RelativeTraversalExpr{Source: e.Source, Traversal: e.Traversal[:i+1], SrcRange: hcl.RangeBetween(e.Source.Range(), e.Traversal[i].SourceRange())}
			before = append(before, step{c.at(shorter.SrcRange).text(), c.compile(shorter), key(e.Traversal[i])})
		}
		return before
	}
	return []step{{c.at(e.Range()).text(), c.compile(e), noKey}}
}

func key(step hcl.Traverser) func(*frame) string {
	text := ""
	switch step := step.(type) {
	case hcl.TraverseAttr:
		text = step.Name
	case hcl.TraverseIndex:
		if v, err := fromCty(step.Key); err == nil {
			text, _ = v.toText()
		}
	}
	return func(*frame) string { return text }
}

func noKey(*frame) string { return "" }

// presence says why the last step of a way is null, when those before it are not.
func presence(f *frame, way []step) Presence {
	if len(way) == 1 || way[len(way)-2].x == nil {
		return Null
	}
	before, last := way[len(way)-2].x, way[len(way)-1].key(f)
	switch {
	case before.fields != nil && isSet(f, way), before.fields == nil && before.val(f).has(last):
		return Null
	case before.fields != nil:
		return NotSet
	}
	return Missing
}

// has reports whether a list or object has an element.
func (v value) has(key string) (there bool) {
	if v.kind == object {
		return slices.Contains(v.members().names, key)
	}
	if i, ok := parseNumber(key); ok && i.isInt() {
		_, there = v.at(i.whole)
	}
	return there
}

// isSet reports whether a field of the event that rules read as null is set all the same: to a JSON null.
func isSet(f *frame, way []step) bool {
	m := f.env.ProtoReflect()
	var field protoreflect.FieldDescriptor
	for i, s := range way[1:] {
		if name := s.key(f); i == 0 && name == "data" {
			field = m.WhichOneof(m.Descriptor().Oneofs().ByName("data"))
		} else {
			field = m.Descriptor().Fields().ByName(protoreflect.Name(name))
		}
		if field == nil || field.Message() == nil || field.IsList() || !m.Has(field) {
			return false
		}
		m = m.Get(field).Message()
	}
	document, ok := m.Interface().(*pointsmanv1.Json)
	return ok && len(document.GetText()) > 0
}
