package rule

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/config"
)

// Clauses returns the clauses without parts of a rule's condition, in the order in which an explanation has them. They have no
// verdict.
func Clauses(c *config.Config, r *config.Rule) []Clause {
	at := &compiler{source: c.Text}
	var leaves []Clause
	var walk func(hclsyntax.Expression)
	walk = func(e hclsyntax.Expression) {
		operator, parts := takeApart(e, "")
		if operator == "" {
			leaves = append(leaves, Clause{Text: at.at(e.Range()).text(), Line: e.Range().Start.Line})
		}
		for _, p := range parts {
			walk(p.e)
		}
	}
	walk(r.When.(hclsyntax.Expression))
	return leaves
}

// Leaves returns the clauses without parts, in order.
func (x *Explanation) Leaves() []Clause {
	var leaves []Clause
	var walk func([]Clause)
	walk = func(clauses []Clause) {
		for _, c := range clauses {
			if len(c.Parts) == 0 {
				leaves = append(leaves, c)
			}
			walk(c.Parts)
		}
	}
	walk(x.Clauses)
	return leaves
}
