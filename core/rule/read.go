package rule

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Read is something that a clause reads: a path into the event, a local, or the result of a function or a calculation.
type Read struct {
	// Text is the expression in one line, cut after 100 bytes.
	Text     string
	Presence Presence
	// Value is short JSON, empty unless it is present.
	Value string
	// Because says what is missing on the way, if that is not the last step: "event.data.body is not set".
	Because string
}

// read is compiled from an expression inside a clause.
type read struct {
	text string
	val  func(*frame) value
	// way holds what has to be there so that val is: the paths that lead to it, itself last.
	way []step
}

// readsOf compiles everything that is read in a clause, in the order it is written. What depends on the variable of a loop is left out,
// because it has many values.
func (c *compiler) readsOf(clause hclsyntax.Expression) []*read {
	r := &reader{compiler: &compiler{event: c.event, scope: c.scope, source: c.source}}
	if call, ok := bare(clause).(*hclsyntax.FunctionCallExpr); ok {
		r.walkAll(call.Args) // its result is the clause's verdict
		return r.reads
	}
	r.walk(clause)
	return r.reads
}

type reader struct {
	compiler *compiler
	// bound are the variables of loops around the expression.
	bound []string
	reads []*read
}

// walk visits the parts of an expression before the expression itself, as they are evaluated.
func (r *reader) walk(e hclsyntax.Expression) {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		r.walk(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		r.traversal(e)
	case *hclsyntax.RelativeTraversalExpr:
		r.walkKeys(e.Source)
		r.add(e)
	case *hclsyntax.IndexExpr:
		r.walkKeys(e)
		r.add(e)
	case *hclsyntax.SplatExpr:
		r.walkKeys(e.Source)
		r.add(e)
	case *hclsyntax.FunctionCallExpr:
		r.walkAll(e.Args)
		r.add(e)
	case *hclsyntax.BinaryOpExpr:
		r.binary(e)
	case *hclsyntax.UnaryOpExpr:
		r.walk(e.Val)
	case *hclsyntax.ConditionalExpr:
		r.walkAll([]hclsyntax.Expression{e.Condition, e.TrueResult, e.FalseResult})
	case *hclsyntax.TemplateWrapExpr:
		r.walk(e.Wrapped)
	case *hclsyntax.TemplateJoinExpr:
		r.walk(e.Tuple)
	case *hclsyntax.TemplateExpr:
		if !e.IsStringLiteral() {
			r.walkAll(e.Parts)
			r.add(e)
		}
	case *hclsyntax.TupleConsExpr:
		r.walkAll(e.Exprs)
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			r.walk(item.ValueExpr)
		}
	case *hclsyntax.ForExpr:
		r.loop(e)
	}
}

func (r *reader) walkAll(list []hclsyntax.Expression) {
	for _, e := range list {
		r.walk(e)
	}
}

// walkKeys visits what chooses an element, without the collection on the way to it.
func (r *reader) walkKeys(e hclsyntax.Expression) {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		r.walkKeys(e.Expression)
	case *hclsyntax.RelativeTraversalExpr:
		r.walkKeys(e.Source)
	case *hclsyntax.IndexExpr:
		r.walkKeys(e.Collection)
		r.walk(e.Key)
	case *hclsyntax.FunctionCallExpr:
		r.walkAll(e.Args)
	}
}

// traversal adds a path of the event or a value of the configuration. Others are units such as mb.
func (r *reader) traversal(e *hclsyntax.ScopeTraversalExpr) {
	if name := e.Traversal.RootName(); len(e.Traversal) > 1 || name == "event" {
		r.add(e)
	}
}

// binary adds the result of a calculation, not the one of a comparison. Of a calculation inside another one only the operands are
// shown.
func (r *reader) binary(e *hclsyntax.BinaryOpExpr) {
	if _, ok := arithmetics[e.Op]; !ok {
		r.walk(e.LHS)
		r.walk(e.RHS)
		return
	}
	r.operands(e)
	r.add(e)
}

func (r *reader) operands(e hclsyntax.Expression) {
	if inner, ok := bare(e).(*hclsyntax.BinaryOpExpr); ok && arithmetics[inner.Op].symbol != "" {
		r.operands(inner.LHS)
		r.operands(inner.RHS)
		return
	}
	r.walk(e)
}

func (r *reader) loop(e *hclsyntax.ForExpr) {
	r.walk(e.CollExpr)
	outer := len(r.bound)
	r.bound = append(r.bound, e.KeyVar, e.ValVar)
	for _, inner := range []hclsyntax.Expression{e.CondExpr, e.KeyExpr, e.ValExpr} {
		if inner != nil {
			r.walk(inner)
		}
	}
	r.bound = r.bound[:outer]
	r.add(e)
}

// add compiles an expression, unless it is there already or depends on the variable of a loop.
func (r *reader) add(e hclsyntax.Expression) {
	c := r.compiler
	text := c.at(e.Range()).text()
	depends := slices.ContainsFunc(hclsyntax.Variables(e), func(t hcl.Traversal) bool { return slices.Contains(r.bound, t.RootName()) })
	if depends || slices.ContainsFunc(r.reads, func(other *read) bool { return other.text == text }) {
		return
	}
	if x := c.compile(e); x != nil {
		r.reads = append(r.reads, &read{text: text, val: x.val, way: c.way(e)})
	}
}

// readAll evaluates reads. One that fails is left out: if that decides about the clause, its error says so.
func readAll(f *frame, reads []*read) []Read {
	var out []Read
	for _, r := range reads {
		if x, ok := aside(f, r.read); ok {
			out = append(out, x)
		}
	}
	return out
}

func (r *read) read(f *frame) Read {
	v := r.val(f)
	if v.kind != null {
		return Read{Text: r.text, Value: show(v).String()}
	}
	out := Read{Text: r.text, Presence: Null}
	for i, s := range r.way {
		if s.x == nil {
			continue
		}
		last := i == len(r.way)-1
		switch at := s.x.val(f); {
		case at.kind == null && last:
			out.Presence = presence(f, r.way)
		case at.kind == null:
			out.Presence, out.Because = Missing, s.text+" is "+presence(f, r.way[:i+1]).String()
		case at.kind == object || at.kind == list:
			continue
		default:
			out.Presence, out.Because = Missing, s.text+" is "+at.kind.String()
		}
		return out
	}
	return out
}
