package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// sensitive marks values that must not be shown.
type sensitive struct{}

func mark(v cty.Value) cty.Value { return v.Mark(sensitive{}) }

// unmark removes the marks at every depth and says whether something in the value is sensitive.
func unmark(v cty.Value) (cty.Value, bool) {
	bare, marks := v.UnmarkDeep()
	_, secret := marks[sensitive{}]
	return bare, secret
}

// value evaluates an expression that is known at load. It returns false when that failed, or when something it refers to is
// already in error or has no value here. The value may be marked, deep inside too.
func (l *loader) value(expr hclsyntax.Expression, secrets bool) (cty.Value, bool) {
	v, ok := l.partial(expr, secrets)
	return v, ok && v.IsWhollyKnown()
}

// partial is value for callers that can do without a value that is not there. It returns true for an unknown value that is marked
// missing; that is then reported.
func (l *loader) partial(expr hclsyntax.Expression, secrets bool) (cty.Value, bool) {
	if !l.references(expr, secrets) {
		return cty.DynamicVal, false
	}
	ctx := l.evalContext(expr)
	budget, restore := boundFors(expr)
	defer restore()
	if !l.operandsInRange(expr, ctx) {
		return cty.DynamicVal, false
	}
	v, diags := expr.Value(ctx)
	if diag := budget.err(); diag != nil {
		l.diags.Append(diag)
		return cty.DynamicVal, false
	}
	hidden := l.touchesSecret(expr)
	for _, diag := range diags {
		l.diags.Append(l.readable(diag, hidden))
	}
	if diags.HasErrors() {
		return cty.DynamicVal, false
	}
	if tooLarge(v) {
		l.error(expr.Range(), "Value too large", fmt.Sprintf("A value may have at most %s elements, at all depths together.", humanize.Comma(maxElements)))
		return cty.DynamicVal, false
	}
	if !numbersInRange(v) {
		l.error(expr.Range(), "Number out of range", numberLimits+" A division by zero has no result.")
		return cty.DynamicVal, false
	}
	marks := missingIn(v)
	l.warnAllMissing(expr, marks)
	return v, v.IsWhollyKnown() || len(marks) > 0
}

// evalContext is the scope of one expression. It holds only what the expression names: objects of all variables and locals
// would be built anew for each of them.
func (l *loader) evalContext(expr hclsyntax.Expression) *hcl.EvalContext {
	vars, locals := map[string]cty.Value{}, map[string]cty.Value{}
	usesEach := false
	for _, t := range expr.Variables() {
		usesEach = usesEach || t.RootName() == "each"
		name, _ := memberName(t)
		if v, ok := l.vars[name]; ok && t.RootName() == "var" {
			vars[name] = v
		}
		if v, ok := l.locals[name]; ok && t.RootName() == "local" {
			locals[name] = v
		}
	}
	roots := rootValues(vars, locals)
	if usesEach && l.each != nil {
		l.each.read, roots["each"] = true, l.each.object()
	}
	return &hcl.EvalContext{
		Variables: roots,
		Functions: l.functionsOf(expr.Range().Filename),
	}
}

// rootValues holds the values of the names before the first dot.
func rootValues(vars, locals map[string]cty.Value) map[string]cty.Value {
	roots := maps.Clone(units)
	roots["var"], roots["local"] = cty.ObjectVal(vars), cty.ObjectVal(locals)
	return roots
}

// functionsOf is all functions; file() is relative to the file that calls it.
func (l *loader) functionsOf(filename string) map[string]function.Function {
	if l.functions[filename] == nil {
		all := l.secretFunctions(filename)
		for name, fn := range pureFunctions() {
			all[name] = checked(fn, checkNumbers)
		}
		l.functions[filename] = all
	}
	return l.functions[filename]
}

// readable rewrites HCL's diagnostics of an evaluation. With hidden set the text may quote a secret, so it is replaced.
func (l *loader) readable(diag *hcl.Diagnostic, hidden bool) *hcl.Diagnostic {
	c := *diag
	extra, isCall := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](diag)
	if isCall && secretNames[extra.CalledFunctionName()] && extra.FunctionCallError() != nil {
		if missing, ok := errors.AsType[*missingError](extra.FunctionCallError()); ok {
			c.Summary, c.Detail = missing.summary, missing.detail
		}
		if c.Context != nil {
			c.Subject = c.Context // the whole call
		}
		return &c
	}
	if hidden {
		c.Detail = "The expression could not be evaluated. It uses a sensitive value, so the reason is not shown."
	}
	return &c
}

// references checks everything that an expression names and reports what does not exist.
func (l *loader) references(expr hclsyntax.Expression, secrets bool) bool {
	ok := true
	for _, traversal := range expr.Variables() {
		ok = l.reference(traversal) && ok
	}
	known := l.functionsOf(expr.Range().Filename)
	for _, call := range calls(expr) {
		if secretNames[call.Name] && !secrets {
			l.error(call.NameRange, "Function not allowed here", fmt.Sprintf("%s() returns a secret, and this attribute is shown in logs. Use it in source and plugin blocks, in locals and in defaults of variables.", call.Name))
			ok = false
		} else if l.openFiles && call.Name == "env" {
			l.error(call.NameRange, "Function not allowed here", "A test says the same on every machine, so it cannot use env(). For variables of the configuration write variables = { ... }.")
			ok = false
		} else if _, exists := known[call.Name]; !exists {
			l.error(call.NameRange, "Unknown function", fmt.Sprintf("There is no function %q.%s", call.Name, SuggestFunction(call.Name, slices.Collect(maps.Keys(known)))))
			ok = false
		}
	}
	return ok
}

// reference checks var.x, local.x or a unit.
func (l *loader) reference(t hcl.Traversal) bool {
	root := t.RootName()
	if _, isUnit := units[root]; isUnit {
		return true
	}
	switch root {
	case "var":
		return l.member(t, "variable", l.vars)
	case "local":
		return l.member(t, "local", l.locals)
	case "each":
		return l.eachReference(t)
	case "event":
		l.error(t.SourceRange(), "No event here", `"event" exists in the "when" of a rule and in the arguments of its dispatch blocks. This is needed before the first event.`)
		return false
	}
	detail := fmt.Sprintf("There is no %q here.%s", root, didYouMean(root, []string{"var", "local", "kb", "mb", "gb"}, "names"))
	if len(t) == 1 && Suggest(root, []string{"var", "local"}) == "" {
		detail = fmt.Sprintf("There is no %q here. Text is written in quotes: %q.", root, root)
	}
	l.error(t.SourceRange(), "Unknown name", detail)
	return false
}

func (l *loader) member(t hcl.Traversal, what string, known map[string]cty.Value) bool {
	name, ok := memberName(t)
	if !ok {
		l.error(t.SourceRange(), "Incomplete reference", fmt.Sprintf("Write %s.<name>.", t.RootName()))
		return false
	}
	if _, ok := known[name]; !ok {
		if l.broken["variable"] || l.broken["locals"] {
			return false
		}
		l.error(t.SourceRange(), "Unknown "+what, fmt.Sprintf("There is no %s %q.%s", what, name, didYouMean(name, slices.Collect(maps.Keys(known)), what+"s")))
		return false
	}
	return true
}

// memberName is x of var.x, var["x"] and local.x.
func memberName(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

// touchesSecret reports whether an expression uses a sensitive value.
func (l *loader) touchesSecret(expr hclsyntax.Expression) bool {
	for _, call := range calls(expr) {
		if secretNames[call.Name] && !l.openFiles {
			return true
		}
	}
	return slices.ContainsFunc(expr.Variables(), l.sensitiveReference)
}

// sensitiveReference reports whether what var.x.y or local.x.y names is a secret, or has one in it.
func (l *loader) sensitiveReference(t hcl.Traversal) bool {
	known := map[string]map[string]cty.Value{"var": l.vars, "local": l.locals}[t.RootName()]
	name, ok := memberName(t)
	v, exists := known[name]
	if !ok || !exists {
		return false
	}
	if part, diags := t[2:].TraverseRel(v); !diags.HasErrors() {
		v = part
	}
	_, secret := unmark(v)
	return secret
}

// calls finds the function calls in an expression.
func calls(expr hclsyntax.Expression) []*hclsyntax.FunctionCallExpr {
	var found []*hclsyntax.FunctionCallExpr
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics { // the function reports nothing
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			found = append(found, call)
		}
		return nil
	})
	return found
}
