package rule

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// unknown compiles a value that is not there where the rules are checked: what uses it is checked against its type, and fails for an
// event that needs it.
func (c *compiler) unknown(typ cty.Type, rng hcl.Range) *expr {
	c.reads++ // it is not constant
	at := c.at(rng)
	problem := "it has no value here"
	if name, ok := strings.CutPrefix(at.text(), "var."); ok {
		problem = fmt.Sprintf("the variable %s has no value here", name)
	}
	switch typ {
	case cty.Bool:
		return boolExpr(at, func(f *frame) bool { f.fail(at, "%s", problem); return false })
	case cty.Number:
		return numberExpr(at, func(f *frame) number { f.fail(at, "%s", problem); return number{} })
	case cty.String:
		return textExpr(at, func(f *frame) string { f.fail(at, "%s", problem); return "" })
	}
	return valueExpr(at, typ, func(f *frame) value { f.fail(at, "%s", problem); return value{} })
}
