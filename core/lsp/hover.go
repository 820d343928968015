package lsp

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/pointsman/pointsman/core/reference"
)

func (s *server) hover(_ context.Context, p positionParams) (*hover, error) {
	sc, err := s.scopeAt(p)
	if err != nil || sc == nil || sc.Comment {
		return nil, err
	}
	if text := sc.explain(); text != "" {
		return &hover{Contents: markup{Kind: "markdown", Value: text}}, nil
	}
	return nil, nil
}

// explain says what the name at the place is.
func (sc *scope) explain() string {
	switch {
	case sc.Label >= 0:
		return sc.explainLabel()
	case sc.Quoted:
		return ""
	case sc.Attribute != nil:
		return sc.explainName()
	}
	if a := sc.attribute(sc.Name); a != nil {
		return attributeDoc(a)
	}
	for _, b := range sc.body.Blocks {
		if b.Name == sc.Name {
			return b.Doc
		}
	}
	return ""
}

func (sc *scope) explainLabel() string {
	block := sc.Blocks[len(sc.Blocks)-1]
	name := block.Labels[sc.Label].Text
	kind := name
	if block.Type.Text == "dispatch" {
		if d := find(sc.declared, "plugin", name); d != nil {
			kind = d.kind
		}
	} else if sc.Label != 0 {
		return ""
	}
	if p := sc.plugin(kind); p != nil && block.Type.Text != "source" {
		return p.Doc
	}
	for _, k := range sc.model.Sources {
		if k.Kind == name && block.Type.Text == "source" {
			return k.Doc
		}
	}
	return ""
}

func (sc *scope) explainName() string {
	for _, f := range sc.fields {
		if f.Path == sc.Name {
			return code(f.Path) + ", " + f.Type + "\n\n" + f.Doc
		}
	}
	root, member, _ := strings.Cut(sc.Name, ".")
	if d := find(sc.declared, root, firstOf(member)); d != nil {
		return strings.TrimSpace(code(root+"."+d.name) + " of " + filepath.Base(d.in.path) + "\n\n" + d.value)
	}
	for i := range sc.model.Functions {
		if f := &sc.model.Functions[i]; f.Name == sc.Name {
			return functionDoc(f)
		}
	}
	for _, n := range sc.model.Names {
		if in, _ := split(n.Name); n.Name == sc.Name || in == root && in != "" && !strings.HasPrefix(n.Name, "each") {
			return n.Doc
		}
	}
	return ""
}

func attributeDoc(a *reference.Attribute) string {
	text := code(a.Name) + ", " + a.Type
	if a.Required {
		text += ", required"
	}
	if a.Default != "" {
		text += ", default " + code(a.Default)
	}
	if a.Doc != "" {
		text += "\n\n" + a.Doc
	}
	if len(a.OneOf) > 0 {
		text += "\n\nOne of " + code(strings.Join(a.OneOf, "`, `")) + "."
	}
	return text
}

func functionDoc(f *reference.Function) string {
	parts := []string{code(f.Signature) + ", " + f.Returns, f.Doc}
	for _, e := range f.Examples {
		parts = append(parts, "    "+e.Expression+"\n    "+e.Result)
	}
	return strings.Join(parts, "\n\n")
}

func code(s string) string { return "`" + s + "`" }

// firstOf is a name up to its first dot.
func firstOf(name string) string {
	first, _, _ := strings.Cut(name, ".")
	return first
}
