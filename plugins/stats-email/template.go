package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

// template is a text with placeholders: the part of Go's text/template that is always fast and whose output is bounded. It has no
// loops, no variables, and only the functions below.
type template struct {
	t *texttemplate.Template
}

const (
	maxTemplate = 512 << 10
	maxOutput   = 1 << 20
)

// functions are those that a template may call. All but printf are text/template's own.
var functions = map[string]bool{
	"and": true, "or": true, "not": true, "eq": true, "ne": true, "lt": true, "le": true, "gt": true, "ge": true, "printf": true,
}

// parseTemplate parses a template and renders it once, so that mistakes are found before any data is fetched. Errors name line and
// column.
func parseTemplate(name, text string) (*template, error) {
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("%s: longer than %d bytes", name, maxTemplate)
	}
	t, err := texttemplate.New(name).Funcs(texttemplate.FuncMap{"printf": printf}).Parse(text)
	if err != nil {
		return nil, templateError(err)
	}
	if len(t.Templates()) > 1 {
		return nil, fmt.Errorf("%s: define and block cannot be used here", name)
	}
	if t.Tree != nil {
		if err := allowed(t.Tree, t.Root); err != nil {
			return nil, err
		}
	}
	checked := &template{t}
	if _, err := checked.render(&report{}); err != nil {
		return nil, err
	}
	return checked, nil
}

func (t *template) render(r *report) (string, error) {
	out := &limited{left: maxOutput}
	if t.t.Tree != nil { // nil: an empty text
		if err := t.t.Execute(out, r); err != nil {
			return "", templateError(err)
		}
	}
	return out.String(), nil
}

func templateError(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "template: "))
}

// allowed checks every node of a template.
func allowed(tree *parse.Tree, node parse.Node) error {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil { // an if without else
			return nil
		}
		return allAllowed(tree, n.Nodes)
	case *parse.ActionNode:
		return allowed(tree, n.Pipe)
	case *parse.IfNode:
		return errors.Join(allowed(tree, n.Pipe), allowed(tree, n.List), allowed(tree, n.ElseList))
	case *parse.PipeNode:
		if len(n.Decl) > 0 {
			return notAllowed(tree, n, "variables")
		}
		return allAllowed(tree, n.Cmds)
	case *parse.CommandNode:
		return allAllowed(tree, n.Args)
	case *parse.ChainNode:
		return allowed(tree, n.Node)
	case *parse.IdentifierNode:
		if !functions[n.Ident] {
			return notAllowed(tree, n, fmt.Sprintf("function %q (there are %s)", n.Ident, strings.Join(slices.Sorted(maps.Keys(functions)), ", ")))
		}
		return nil
	case *parse.TextNode, *parse.CommentNode, *parse.FieldNode, *parse.NumberNode, *parse.StringNode, *parse.BoolNode:
		return nil
	}
	kind := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", node), "*parse."), "Node") // "Range", "Variable"
	return notAllowed(tree, node, strings.ToLower(kind))
}

func allAllowed[N parse.Node](tree *parse.Tree, nodes []N) error {
	for _, n := range nodes {
		if err := allowed(tree, n); err != nil {
			return err
		}
	}
	return nil
}

func notAllowed(tree *parse.Tree, n parse.Node, what string) error {
	location, context := tree.ErrorContext(n)
	return fmt.Errorf("%s: %s cannot be used here: %s", location, what, context)
}

// amplifying matches formats whose output can be much larger than their arguments: a width or precision of more than two digits
// or from an argument, and an argument used twice.
var amplifying = regexp.MustCompile(`%[^%a-zA-Z]*(\*|\[|[0-9]{3})`)

// printf is fmt.Sprintf with bounded results.
func printf(format string, args ...any) (string, error) {
	if amplifying.MatchString(format) {
		return "", errors.New("widths have at most two digits here, and * and [n] cannot be used")
	}
	return fmt.Sprintf(format, args...), nil
}

// limited is a strings.Builder that refuses to grow beyond left.
type limited struct {
	strings.Builder
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, fmt.Errorf("the text is longer than %d bytes: %w", maxOutput, io.ErrShortWrite)
	}
	return l.Builder.Write(p)
}
