package rule

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func (c *compiler) tuple(e *hclsyntax.TupleConsExpr) *expr {
	items, types, ok := make([]*expr, len(e.Exprs)), make([]cty.Type, len(e.Exprs)), true
	for i, item := range e.Exprs {
		if items[i] = c.compile(item); items[i] == nil {
			ok = false
			continue
		}
		types[i] = items[i].typ
	}
	if !ok {
		return nil
	}
	x := valueExpr(c.at(e.SrcRange), cty.Tuple(types), func(f *frame) value {
		values := make([]value, len(items))
		for i, item := range items {
			values[i] = item.val(f)
		}
		return listValue(values)
	})
	x.items = items
	return x
}

// object compiles { name = value, (expression) = value }.
func (c *compiler) object(e *hclsyntax.ObjectConsExpr) *expr {
	keys, values := make([]func(*frame) string, len(e.Items)), make([]*expr, len(e.Items))
	types, fixed, ok := map[string]cty.Type{}, true, true
	for i, item := range e.Items {
		key := c.objectKey(item.KeyExpr)
		values[i] = c.compile(item.ValueExpr)
		if key != nil {
			keys[i] = c.asText(key, "the key of an object")
		}
		if keys[i] == nil || values[i] == nil {
			ok = false
			continue
		}
		name := fmt.Sprintf("(%d)", i)
		if key.constant == nil {
			fixed = false
		} else {
			name, _ = key.constant.toText()
		}
		types[name] = values[i].typ
	}
	if !ok {
		return nil
	}
	typ := cty.Object(types)
	if !fixed {
		typ = cty.Map(elementType(typ))
	}
	return valueExpr(c.at(e.SrcRange), typ, func(f *frame) value {
		names, members := make([]string, len(keys)), make([]value, len(keys))
		for i := range keys {
			names[i], members[i] = keys[i](f), values[i].val(f)
		}
		return objectValue(names, members)
	})
}

// objectKey compiles a key, where a bare name stands for itself.
func (c *compiler) objectKey(e hclsyntax.Expression) *expr {
	key, ok := e.(*hclsyntax.ObjectConsKeyExpr)
	if !ok {
		return c.compile(e)
	}
	if !key.ForceNonLiteral {
		if _, ok := key.Wrapped.(*hclsyntax.ScopeTraversalExpr); ok {
			v, diags := key.Value(nil)
			if diags.HasErrors() {
				c.errorf(key.Range(), key.Range(), "Ambiguous key", "To use the value as key, write it in parentheses: (%s). To use the name, write it in quotes.", c.at(key.Range()).text())
				return nil
			}
			return c.constant(v, key.Range())
		}
	}
	return c.compile(key.Wrapped)
}
