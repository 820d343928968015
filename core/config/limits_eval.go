package config

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Limits on what is evaluated at load. A few lines are enough for more than a machine can hold: fors inside each other, or locals that
// repeat the one before them.
const (
	// maxIterations bounds the elements that all fors of one expression visit.
	maxIterations = 500_000
	// maxElements bounds the elements of one value, at all depths together.
	maxElements = 1_000_000
)

// boundFors limits the fors of an expression until restore is called.
func boundFors(expr hclsyntax.Expression) (budget *iterations, restore func()) {
	var fors []*hclsyntax.ForExpr
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics { // the function reports nothing
		if e, ok := n.(*hclsyntax.ForExpr); ok {
			fors = append(fors, e)
		}
		return nil
	})
	budget = &iterations{left: maxIterations}
	originals := make([]hclsyntax.ForExpr, len(fors))
	for i, e := range fors {
		originals[i] = *e
		if e.CondExpr != nil {
			e.CondExpr = budget.count(e.CondExpr)
		} else {
			e.ValExpr = budget.count(e.ValExpr)
		}
	}
	return budget, func() {
		for i, e := range fors {
			*e = originals[i]
		}
	}
}

// iterations is how many more elements may be visited.
type iterations struct {
	left int
	// end is the for in which the budget ended.
	end hcl.Range
}

// err is nil while the budget lasts. It does not come with the value, where try() would catch it.
func (b *iterations) err() *hcl.Diagnostic {
	if b.left >= 0 {
		return nil
	}
	return errorAt(b.end, "Too much to evaluate",
		fmt.Sprintf("The for expressions of one value may visit at most %s elements, those inside each other multiplied.", humanize.Comma(maxIterations)))
}

// counted is the expression of a for that is evaluated for each element. The parentheses let those that walk the syntax tree find the
// original.
type counted struct {
	*hclsyntax.ParenthesesExpr
	budget *iterations
}

func (b *iterations) count(expr hclsyntax.Expression) hclsyntax.Expression {
	return counted{&hclsyntax.ParenthesesExpr{Expression: expr, SrcRange: expr.Range()}, b}
}

// Value evaluates the original, and nothing when the budget has ended.
func (c counted) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if c.budget.left < 0 {
		return cty.DynamicVal, nil
	}
	if c.budget.left--; c.budget.left < 0 {
		c.budget.end = c.SrcRange
		return cty.DynamicVal, nil
	}
	return c.Expression.Value(ctx)
}

// tooLarge reports whether a value has more than maxElements.
func tooLarge(v cty.Value) bool { return elementsLeft(v, maxElements) < 0 }

// elementsLeft subtracts the elements of a value. It stops below zero, because values may share their parts: a list of ten lists of ten
// lists needs no memory and takes forever to visit.
func elementsLeft(v cty.Value, left int) int {
	v, _ = v.Unmark()
	left--
	if left < 0 || !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return left
	}
	for it := v.ElementIterator(); left >= 0 && it.Next(); {
		_, element := it.Element()
		left = elementsLeft(element, left)
	}
	return left
}
