// Package reference describes the configuration language: every block, attribute, function and event field. The description is
// gathered from what the router itself works with, so it cannot say anything else: the schemas of blocks, of kinds of sources and of
// plugins, the functions, and the comments of the .proto files. Terminal, Markdown, JSON, grammar and language server all show
// this one Model.
package reference

import (
	"slices"

	"github.com/pointsman/pointsman/core/config"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// FormatVersion is the version of the Model as JSON.
const FormatVersion = "1.0"

// Model is the configuration language. Its JSON is stable: members are only added.
type Model struct {
	FormatVersion string `json:"format_version"`
	// Types are the types of attributes, and how values of each are written.
	Types []Name `json:"types,omitempty"`
	// Names are what expressions can refer to.
	Names     []Name     `json:"names,omitempty"`
	Blocks    []Block    `json:"blocks,omitempty"`
	Functions []Function `json:"functions,omitempty"`
	Events    *Events    `json:"events,omitempty"`
	Sources   []Source   `json:"sources,omitempty"`
	Plugins   []Plugin   `json:"plugins,omitempty"`
	// Tests is the content of a file of tests, *.test.hcl.
	Tests Body `json:"tests,omitzero"`
}

// Name is a name or a type.
type Name struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
	// PerEvent names can be used only where an event is: in the condition of a rule and in the arguments of its dispatch blocks.
	PerEvent bool `json:"per_event,omitempty"`
}

// Body is the content of a block.
type Body struct {
	Attributes []Attribute `json:"attributes,omitempty"`
	Blocks     []Block     `json:"blocks,omitempty"`
}

// Block is `name "label" { ... }`.
type Block struct {
	Name   string   `json:"name"`
	Labels []string `json:"labels,omitempty"`
	Doc    string   `json:"doc"`
	// Required is whether the block around it must have one.
	Required bool `json:"required,omitempty"`
	// Many is whether there may be more than one in the same place.
	Many bool `json:"many,omitempty"`
	// Also says what else may be written in it: "names" of the author's choice, the attributes of the "source" kind, the
	// "settings" or the "arguments" of the plugin kind.
	Also string `json:"also,omitempty"`
	Body
}

// Attribute is `name = value`.
type Attribute struct {
	Name string `json:"name"`
	// Type is a name of Model.Types.
	Type string `json:"type"`
	Doc  string `json:"doc"`
	// Default is JSON; empty: none.
	Default  string   `json:"default,omitempty"`
	OneOf    []string `json:"one_of,omitempty"`
	Required bool     `json:"required,omitempty"`
	// Sensitive values may come from env() and file(), and are never shown.
	Sensitive bool `json:"sensitive,omitempty"`
	// PerEvent attributes are evaluated for each event and may use it.
	PerEvent bool `json:"per_event,omitempty"`
}

// Source is a kind of source.
type Source struct {
	Kind string `json:"kind"`
	Doc  string `json:"doc"`
	Body
}

// Plugin is a kind of plugin.
type Plugin struct {
	Kind      string `json:"kind"`
	Version   string `json:"version,omitempty"`
	Doc       string `json:"doc"`
	Settings  Body   `json:"settings"`
	Arguments Body   `json:"arguments"`
}

// Parts are what New cannot find itself.
type Parts struct {
	Sources []SourceKind
	// Plugins are in the order in which the model lists them.
	Plugins []*pluginv1.DescribeResponse
}

// SourceKind describes one kind of source.
type SourceKind struct {
	Name, Doc string
	Schema    *pluginv1.Schema
}

// New gathers the model.
func New(p Parts) *Model {
	m := &Model{
		FormatVersion: FormatVersion,
		Types:         names(config.Types()), Names: names(config.Names()),
		Blocks: blocks(config.Blocks()), Functions: functions(), Events: events(),
	}
	schema, inner := config.TestBlocks()
	m.Tests = Body{Attributes: attributes(schema, false), Blocks: blocks(inner)}
	for _, k := range p.Sources {
		m.Sources = append(m.Sources, Source{Kind: k.Name, Doc: k.Doc, Body: body(k.Schema, false)})
	}
	for _, d := range p.Plugins {
		m.Plugins = append(m.Plugins, PluginOf(d))
	}
	return m
}

// PluginOf is a plugin as it describes itself.
func PluginOf(d *pluginv1.DescribeResponse) Plugin {
	return Plugin{
		Kind: d.GetName(), Version: d.GetVersion(), Doc: d.GetDoc(),
		Settings: body(d.GetSettings(), false), Arguments: body(d.GetArguments(), true),
	}
}

func names(docs []config.NameDoc) []Name {
	list := make([]Name, len(docs))
	for i, d := range docs {
		list[i] = Name(d)
	}
	return list
}

func blocks(docs []config.BlockDoc) []Block {
	var list []Block
	for _, d := range docs {
		b := Block{Name: d.Name, Labels: d.Labels, Doc: d.Doc, Required: d.Required, Many: d.Many, Also: d.Also}
		b.Attributes, b.Blocks = attributes(d.Schema, false), blocks(d.Blocks)
		for i, a := range b.Attributes {
			b.Attributes[i].PerEvent = slices.Contains(d.PerEvent, a.Name)
		}
		list = append(list, b)
	}
	return list
}

func body(s *pluginv1.Schema, perEvent bool) Body {
	b := Body{Attributes: attributes(s, perEvent)}
	for _, inner := range s.GetBlocks() {
		b.Blocks = append(b.Blocks, Block{
			Name: inner.GetName(), Doc: inner.GetDoc(), Required: inner.GetRequired(), Many: inner.GetMany(), Body: body(inner.GetSchema(), perEvent),
		})
	}
	return b
}

var typeNames = map[pluginv1.Type]string{
	pluginv1.Type_TYPE_STRING: "string", pluginv1.Type_TYPE_NUMBER: "number", pluginv1.Type_TYPE_BOOL: "bool", pluginv1.Type_TYPE_DURATION: "duration",
	pluginv1.Type_TYPE_STRING_LIST: "list of strings", pluginv1.Type_TYPE_STRING_MAP: "map of strings", pluginv1.Type_TYPE_ANY: "any",
}

func attributes(s *pluginv1.Schema, perEvent bool) []Attribute {
	var list []Attribute
	for _, a := range s.GetAttributes() {
		list = append(list, Attribute{
			Name: a.GetName(), Type: typeNames[a.GetType()], Doc: a.GetDoc(), Default: a.GetDefaultJson(), OneOf: a.GetOneOf(),
			Required: a.GetRequired(), Sensitive: a.GetSensitive(), PerEvent: perEvent,
		})
	}
	return list
}
