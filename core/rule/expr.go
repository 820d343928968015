package rule

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// expr is a compiled expression.
type expr struct {
	at  *position
	typ cty.Type // cty.DynamicPseudoType: known only with the event
	// val is always set.
	val func(*frame) value
	// One of these is set besides when typ is that primitive and the value is never null.
	boolean func(*frame) bool
	number  func(*frame) number
	text    func(*frame) string
	// optional is set for a number that may be null: false.
	optional func(*frame) (number, bool)
	// write appends the text that text returns, without an intermediate string. It may be nil.
	write func(*frame, []byte) []byte
	// constant is the value of an expression that does not depend on the event.
	constant *value
	// fields is set for event and the messages in it.
	fields *message
	// member is set for a map of the event: finds one entry without building the map.
	member func(f *frame, name string) value
	// items are the elements of a list that is written out.
	items []*expr
	// path is set for a value inside a JSON document of the event.
	path *jsonPath
	// operand is set for a value of the event that rules can be indexed by.
	operand *operand
	// guards are conditions that hold whenever a bool expression is true or fails. Each one is enough to find the rule.
	guards []guard
	// total marks a bool expression that cannot fail, if docs can be read: the documents that it reads.
	total bool
	docs  []int
}

func boolExpr(at *position, fn func(*frame) bool) *expr {
	return &expr{at: at, typ: cty.Bool, boolean: fn, val: func(f *frame) value { return boolValue(fn(f)) }}
}

func numberExpr(at *position, fn func(*frame) number) *expr {
	return &expr{at: at, typ: cty.Number, number: fn, val: func(f *frame) value { return numberValue(fn(f)) }}
}

func textExpr(at *position, fn func(*frame) string) *expr {
	return &expr{at: at, typ: cty.String, text: fn, val: func(f *frame) value { return textValue(fn(f)) }}
}

// valueExpr is an expression that may be null or is no primitive.
func valueExpr(at *position, typ cty.Type, fn func(*frame) value) *expr {
	return &expr{at: at, typ: typ, val: fn}
}

// pathExpr is a value inside a document.
func pathExpr(at *position, p *jsonPath) *expr {
	e := valueExpr(at, cty.DynamicPseudoType, func(f *frame) value { return f.read(p) })
	e.path, e.operand = p, &operand{path: p, val: e.val}
	return e
}

// constExpr is an expression with a known value.
func constExpr(at *position, typ cty.Type, v value) *expr {
	if v.kind == numeric && v.num.big != nil {
		if n, ok := parseShort(v.num.String()); ok {
			v.num = n // the form of the same number in an event
		}
	}
	e := &expr{at: at, typ: typ, constant: &v, val: func(*frame) value { return v }}
	switch {
	case v.kind == boolean && typ == cty.Bool:
		b := v.bool()
		e.boolean, e.total = func(*frame) bool { return b }, true
	case v.kind == numeric && typ == cty.Number:
		e.number = func(*frame) number { return v.num }
	case v.kind == text && typ == cty.String:
		e.text = func(*frame) string { return v.str }
	}
	return e
}

// placed returns e with another position.
func (e *expr) placed(at *position) *expr {
	placed := *e
	placed.at = at
	return &placed
}

func (e *expr) rng() *hcl.Range { return &e.at.rng }

// isNull reports whether e is the literal null.
func (e *expr) isNull() bool { return e.constant != nil && e.constant.kind == null }

// dynamic reports whether the type of e is known only at run time.
func (e *expr) dynamic() bool { return e.typ == cty.DynamicPseudoType }
