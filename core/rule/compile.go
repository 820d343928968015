package rule

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// compiler turns the expressions of one rule into closures for one type of event. Its methods return nil for an expression
// that has an error, after reporting it.
type compiler struct {
	event *expr
	scope *hcl.EvalContext
	// source returns the text of a range.
	source func(hcl.Range) string
	diags  hcl.Diagnostics

	loops []loopVar
	// reads counts reads of the event and of loop variables; an expression that adds none is constant.
	reads int
	// trying counts the calls of try and can around the expression that is compiled.
	trying int
}

// loopVar is a variable of a for expression, or the item of a splat.
type loopVar struct {
	name   string
	symbol *hclsyntax.AnonSymbolExpr
	expr   *expr
}

// compile compiles e and everything in it. An expression that is constant is evaluated now.
func (c *compiler) compile(e hclsyntax.Expression) *expr {
	before, errors := c.reads, len(c.diags)
	x := c.node(e)
	if x == nil || x.constant != nil || c.reads != before || len(c.diags) != errors {
		return x
	}
	f := &frame{}
	v := x.val(f)
	if f.err == nil {
		return constExpr(x.at, typeOf(v, x.typ), v)
	}
	if c.trying > 0 {
		return x
	}
	at := x.at
	if f.err.at != nil {
		at = f.err.at
	}
	c.errorf(at.rng, e.Range(), "Expression that always fails", "%s.", sentence(f.err.problem))
	return nil
}

func (c *compiler) node(e hclsyntax.Expression) *expr {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return c.constant(e.Val, e.SrcRange)
	case *hclsyntax.ParenthesesExpr:
		return c.compile(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		return c.scopeTraversal(e)
	case *hclsyntax.RelativeTraversalExpr:
		return c.steps(c.compile(e.Source), e.Traversal)
	case *hclsyntax.IndexExpr:
		return c.index(c.compile(e.Collection), c.compile(e.Key), e)
	case *hclsyntax.SplatExpr:
		return c.splat(e)
	case *hclsyntax.AnonSymbolExpr:
		return c.symbol(e)
	case *hclsyntax.BinaryOpExpr:
		return c.binary(e)
	case *hclsyntax.UnaryOpExpr:
		return c.unary(e)
	case *hclsyntax.ConditionalExpr:
		return c.conditional(e, c.compile)
	case *hclsyntax.FunctionCallExpr:
		return c.call(e)
	case *hclsyntax.TemplateExpr:
		return c.template(e, c.compile)
	case *hclsyntax.TemplateWrapExpr:
		return c.compile(e.Wrapped)
	case *hclsyntax.TemplateJoinExpr:
		return c.templateJoin(e)
	case *hclsyntax.TupleConsExpr:
		return c.tuple(e)
	case *hclsyntax.ObjectConsExpr:
		return c.object(e)
	case *hclsyntax.ForExpr:
		return c.forExpr(e)
	case *hclsyntax.ExprSyntaxError:
		return nil // reported by the parser
	}
	c.errorf(e.Range(), e.Range(), "Unsupported expression", "Rules cannot use this kind of expression (%T).", e)
	return nil
}

// constant compiles a value that is known at load. An unknown one is not there where the configuration is checked
// (config.Options.Offline), or comes from an error that is already reported.
func (c *compiler) constant(v cty.Value, rng hcl.Range) *expr {
	if v.ContainsMarked() {
		c.errorf(rng, rng, "Sensitive value in a rule", "This value comes from env() or file(), or is marked sensitive. "+
			"The results of a rule are stored in the journal and logged. "+
			"Give secrets to a plugin in its settings block.")
		return nil
	}
	if !v.IsWhollyKnown() {
		return c.unknown(v.Type(), rng)
	}
	constant, err := fromCty(v)
	if err != nil {
		c.errorf(rng, rng, "Unsupported value", "%s.", sentence(err.Error()))
		return nil
	}
	return constExpr(c.at(rng), v.Type(), constant)
}

// conditional compiles "cond ? yes : no", its results with compile.
func (c *compiler) conditional(e *hclsyntax.ConditionalExpr, compile func(hclsyntax.Expression) *expr) *expr {
	cond := c.asBool(c.compile(e.Condition), "the condition of ?:")
	yes, no := compile(e.TrueResult), compile(e.FalseResult)
	if cond == nil || yes == nil || no == nil {
		return nil
	}
	at := c.at(e.SrcRange)
	typ := unify(yes, no)
	if typ == cty.NilType {
		c.errorf(hcl.RangeBetween(e.TrueResult.Range(), e.FalseResult.Range()), e.SrcRange, "Inconsistent conditional result types",
			"Both results must have the same type, but the first is %s and the second is %s.", typeName(yes.typ), typeName(no.typ))
		return nil
	}
	yes, no = c.unified(yes, typ), c.unified(no, typ)
	switch {
	case yes.boolean != nil && no.boolean != nil:
		return boolExpr(at, choose(cond, yes.boolean, no.boolean))
	case yes.number != nil && no.number != nil:
		return numberExpr(at, choose(cond, yes.number, no.number))
	case yes.text != nil && no.text != nil:
		return textExpr(at, choose(cond, yes.text, no.text))
	}
	return valueExpr(at, typ, choose(cond, yes.val, no.val))
}

func choose[T any](cond func(*frame) bool, yes, no func(*frame) T) func(*frame) T {
	return func(f *frame) T {
		if cond(f) {
			return yes(f)
		}
		return no(f)
	}
}

// unify returns the type of "a or b", NilType when there is none.
func unify(a, b *expr) cty.Type {
	switch {
	case a.isNull():
		return b.typ
	case b.isNull() || a.typ.Equals(b.typ):
		return a.typ
	case a.dynamic() || b.dynamic():
		return cty.DynamicPseudoType
	case a.typ.IsPrimitiveType() && b.typ.IsPrimitiveType():
		if a.typ == cty.String || b.typ == cty.String {
			return cty.String
		}
		return cty.NilType
	case isList(a.typ) && isList(b.typ), isObject(a.typ) && isObject(b.typ):
		return cty.DynamicPseudoType
	}
	return cty.NilType
}

// unified converts a number or bool to a string where unify chose string.
func (c *compiler) unified(x *expr, typ cty.Type) *expr {
	if typ != cty.String || x.typ == cty.String || x.isNull() {
		return x
	}
	if x.boolean == nil && x.number == nil {
		return valueExpr(x.at, typ, func(f *frame) value {
			s, ok := x.val(f).toText()
			if !ok {
				return value{}
			}
			return textValue(s)
		})
	}
	return textExpr(x.at, c.asText(x, "this"))
}

// at is where an expression is written.
func (c *compiler) at(rng hcl.Range) *position { return &position{rng: rng, source: c.source} }

// errorf reports an error at subject; the snippet also shows context.
func (c *compiler) errorf(subject, context hcl.Range, summary, format string, args ...any) {
	context = hcl.RangeOver(subject, context)
	c.diags = append(c.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(format, args...),
		Subject:  &subject,
		Context:  &context,
	})
}
