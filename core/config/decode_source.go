package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// decodeSources reads the source blocks. A block with errors is kept, because rules may name it.
func (l *loader) decodeSources(blocks []*hclsyntax.Block) {
	seen := map[string]*hclsyntax.Block{}
	for _, b := range blocks {
		name, _ := l.name(b)
		if !l.unique(b, name, seen) {
			l.mask(b.Body.Range())
			continue
		}
		l.cfg.Sources = append(l.cfg.Sources, l.source(name, b))
	}
}

func (l *loader) source(name string, b *hclsyntax.Block) *Source {
	s := &Source{Kind: b.Labels[0], Name: name, Data: b.Labels[0], DeclRange: b.DefRange()}
	s.origin = origin{diags: l.diags, block: b.DefRange()}
	schema, known := l.options.Sources[s.Kind]
	if !known {
		l.mask(b.Body.Range())
		kinds := slices.Collect(maps.Keys(l.options.Sources))
		l.error(b.LabelRanges[0], "Unknown kind of source", fmt.Sprintf("There is no source of kind %q.%s", s.Kind, didYouMean(s.Kind, kinds, "kinds")))
		return s
	}
	both := &pluginv1.Schema{Attributes: slices.Concat(schema.GetAttributes(), sourceSchema.GetAttributes()), Blocks: schema.GetBlocks()}
	o, ok := l.object(b.Body, both, decoding{what: fmt.Sprintf("Source %q", name), secrets: true, rng: b.DefRange()})
	if sensitive := o.boolean("sensitive"); sensitive != nil {
		s.Sensitive = *sensitive
	}
	for _, a := range sourceSchema.GetAttributes() {
		delete(o.fields, a.GetName()) // not a setting of the kind
	}
	s.origin.settings = o
	if ok {
		s.Settings = l.encode(o.standIn())
	}
	if s.Settings != nil && l.options.MakeSource != nil {
		if data := l.options.MakeSource(s); data != "" {
			s.Data = data
		}
	}
	return s
}

// encode encodes the settings of a source or plugin as JSON.
func (l *loader) encode(o *object) Settings {
	b, err := o.json()
	if err != nil {
		l.error(o.rng, "Invalid value", "The settings cannot be encoded as JSON.") // the error may quote a value
		return nil
	}
	return b
}
