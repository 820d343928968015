package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// maxValueBytes bounds the text in one local: locals that double each other grow without bound.
const maxValueBytes = 1 << 20

// localGraph evaluates locals in the order of their dependencies.
type localGraph struct {
	l     *loader
	attrs map[string]*hclsyntax.Attribute
	// path are the locals under evaluation, outermost first.
	path []string
	// at holds where in path a local is.
	at   map[string]int
	done map[string]bool
}

// decodeLocals determines the value of every local.
func (l *loader) decodeLocals(blocks []*hclsyntax.Block) {
	g := &localGraph{l: l, attrs: map[string]*hclsyntax.Attribute{}, at: map[string]int{}, done: map[string]bool{}}
	var order []string
	for _, b := range blocks {
		for _, inner := range b.Body.Blocks {
			l.error(inner.DefRange(), "Unknown block", "A locals block has attributes only: name = value.")
		}
		for _, attr := range sortedAttributes(b.Body) {
			if first := g.attrs[attr.Name]; first != nil {
				l.error(attr.NameRange, "Duplicate local", fmt.Sprintf("The local %q is already at %s.", attr.Name, place(first.NameRange)))
				continue
			}
			g.attrs[attr.Name] = attr
			l.locals[attr.Name] = cty.DynamicVal
			order = append(order, attr.Name)
		}
	}
	for _, name := range order {
		g.evaluate(name)
	}
}

// evaluate determines one local after those that it refers to.
func (g *localGraph) evaluate(name string) {
	attr := g.attrs[name]
	if attr == nil || g.done[name] {
		return
	}
	if at, onPath := g.at[name]; onPath {
		g.reportCycle(g.path[at:])
		return
	}
	g.at[name] = len(g.path)
	g.path = append(g.path, name)
	for _, t := range attr.Expr.Variables() {
		if other, ok := memberName(t); ok && t.RootName() == "local" {
			g.evaluate(other)
		}
	}
	g.path = g.path[:len(g.path)-1]
	delete(g.at, name)
	if g.done[name] { // it is part of a cycle
		return
	}
	g.done[name] = true
	v, ok := g.l.partial(attr.Expr, true)
	if !ok {
		return
	}
	if bare, _ := unmark(v); textSize(bare) > maxValueBytes {
		g.l.error(attr.Expr.Range(), "Value too large", fmt.Sprintf("The local %q holds more than 1 MiB.", name))
		return
	}
	g.l.locals[name] = v
}

// reportCycle reports a cycle of locals once.
func (g *localGraph) reportCycle(cycle []string) {
	for _, name := range cycle {
		g.done[name] = true
	}
	around := "local." + strings.Join(append(slices.Clone(cycle), cycle[0]), " -> local.")
	g.l.error(g.attrs[cycle[0]].NameRange, "Locals refer to each other", fmt.Sprintf("A local cannot need its own value: %s.", around))
}

// textSize is how many bytes of text are in a value, at every depth.
func textSize(v cty.Value) int {
	size := 0
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) { // the function returns no error
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			size += len(v.AsString())
		}
		return true, nil
	})
	return size
}
