package lsp

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/reference"
)

// scope is what may be written at a place.
type scope struct {
	config.Place
	offset   int
	doc      *document
	model    *reference.Model
	declared []declaration
	// body is the content of the innermost block.
	body reference.Body
	// rule is the rule block around the place.
	rule *config.OutlineBlock
	// perEvent is whether the place is in an expression that is evaluated for each event.
	perEvent bool
	// fields are those of the events that the rule is about.
	fields []reference.Field
}

func (s *server) scopeAt(p positionParams) (*scope, error) {
	path, err := pathOf(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	doc := s.read(path)
	if doc == nil {
		return nil, nil
	}
	folder := filepath.Dir(path)
	sc := &scope{doc: doc, model: s.Model, offset: doc.offset(p.Position), declared: s.declarations(folder)}
	sc.Place = doc.outline.At(sc.offset)
	inside := sc.Blocks
	if n := len(inside); n > 0 && sc.offset < inside[n-1].Open {
		inside = inside[:n-1] // in the header of a block, which is a thing of the block around it
	}
	sc.body = sc.bodyOf(inside)
	if len(sc.Blocks) > 0 && sc.Blocks[0].Type.Text == "rule" {
		sc.rule = sc.Blocks[0]
		sc.fields = s.fields(folder, sc)
		if sc.Attribute != nil {
			a := sc.attribute(sc.Attribute.Name.Text)
			sc.perEvent = a != nil && a.PerEvent
		}
	}
	return sc, nil
}

// bodyOf is what may be written in the innermost of nested blocks.
func (sc *scope) bodyOf(blocks []*config.OutlineBlock) reference.Body {
	body := reference.Body{Blocks: sc.model.Blocks}
	if config.IsTestFile(sc.doc.path) {
		body = sc.model.Tests
	}
	var plugin *reference.Plugin
	for _, written := range blocks {
		i := slices.IndexFunc(body.Blocks, func(b reference.Block) bool { return b.Name == written.Type.Text })
		if i < 0 {
			return reference.Body{}
		}
		known := body.Blocks[i]
		body = reference.Body{Attributes: slices.Clone(known.Attributes), Blocks: slices.Clone(known.Blocks)}
		switch known.Name {
		case "source":
			body = join(body, sc.sourceBody(label(written, 0)))
		case "plugin":
			plugin = sc.plugin(label(written, 0))
		case "settings":
			if plugin != nil {
				body = join(body, plugin.Settings)
			}
		case "dispatch":
			if d := find(sc.declared, "plugin", label(written, 0)); d != nil {
				if p := sc.plugin(d.kind); p != nil {
					body = join(body, p.Arguments)
				}
			}
		}
	}
	return body
}

func join(a, b reference.Body) reference.Body {
	return reference.Body{Attributes: slices.Concat(b.Attributes, a.Attributes), Blocks: slices.Concat(b.Blocks, a.Blocks)}
}

func label(b *config.OutlineBlock, i int) string {
	if i >= len(b.Labels) {
		return ""
	}
	return b.Labels[i].Text
}

func (sc *scope) sourceBody(kind string) reference.Body {
	for _, s := range sc.model.Sources {
		if s.Kind == kind {
			return s.Body
		}
	}
	return reference.Body{}
}

func (sc *scope) plugin(kind string) *reference.Plugin {
	for i := range sc.model.Plugins {
		if sc.model.Plugins[i].Kind == kind {
			return &sc.model.Plugins[i]
		}
	}
	return nil
}

func (sc *scope) attribute(name string) *reference.Attribute {
	for i := range sc.body.Attributes {
		if sc.body.Attributes[i].Name == name {
			return &sc.body.Attributes[i]
		}
	}
	return nil
}

// fields are the fields that the events of all sources of a rule have.
func (s *server) fields(folder string, sc *scope) []reference.Field {
	fields := slices.Clone(sc.model.Events.Common)
	on := attribute(sc.rule, "on")
	if on == nil {
		return fields
	}
	var common []reference.Field
	for i, source := range on.Texts {
		kind := s.checks.dataOf(folder, source.Text)
		if d := find(sc.declared, "source", source.Text); d != nil && kind == "" {
			kind = d.kind
		}
		of := dataFields(sc.model.Events, kind)
		if i == 0 {
			common = slices.Clone(of)
			continue
		}
		common = slices.DeleteFunc(common, func(f reference.Field) bool {
			return !slices.ContainsFunc(of, func(g reference.Field) bool { return g.Path == f.Path })
		})
	}
	return append(fields, common...)
}

func dataFields(e *reference.Events, kind string) []reference.Field {
	for _, d := range e.Data {
		if d.Kind == kind {
			return d.Fields
		}
	}
	return nil
}

// split is a dotted name as the part before its last dot, and the rest.
func split(name string) (parent, last string) {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}
