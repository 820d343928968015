package lsp

import (
	"context"
	"strings"

	"github.com/pointsman/pointsman/core/config"
)

// definition answers where the name at a place is declared; null if it is declared nowhere.
func (s *server) definition(_ context.Context, p positionParams) (*location, error) {
	sc, err := s.scopeAt(p)
	if err != nil || sc == nil || sc.Comment {
		return nil, err
	}
	d := sc.declaration()
	if d == nil {
		return nil, nil
	}
	return &location{URI: uriOf(d.in.path), Range: d.in.span(d.word.Start, d.word.End)}, nil
}

// named is what the texts of an attribute name: a source, a plugin or a rule; empty: none of these.
func (sc *scope) named(attribute string) string {
	switch {
	case sc.rule != nil && attribute == "on":
		return "source"
	case config.IsTestFile(sc.doc.path):
		return attribute // those that name something are called what they name
	}
	return ""
}

func (sc *scope) declaration() *declaration {
	switch {
	case sc.Label >= 0:
		if block := sc.Blocks[len(sc.Blocks)-1]; block.Type.Text == "dispatch" {
			return find(sc.declared, "plugin", block.Labels[sc.Label].Text)
		}
	case sc.Attribute == nil:
	case sc.Quoted:
		what := sc.named(sc.Attribute.Name.Text)
		for _, w := range sc.Attribute.Texts {
			if w.Has(sc.offset) {
				return find(sc.declared, what, w.Text)
			}
		}
	default:
		root, member, _ := strings.Cut(sc.Name, ".")
		if root == "each" && sc.rule != nil {
			if a := attribute(sc.rule, "for_each"); a != nil {
				return &declaration{word: a.Name, in: sc.doc}
			}
		}
		return find(sc.declared, root, firstOf(member))
	}
	return nil
}
