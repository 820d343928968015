package config

import (
	"slices"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// BlockDoc describes a block of the configuration language.
type BlockDoc struct {
	Name, Doc string
	// Labels are the names of the labels: "kind", "name".
	Labels []string
	// Required is whether the block around it needs at least one.
	Required bool
	// Many is whether the block may be written more than once in the same place.
	Many bool
	// Schema holds the router's own attributes; its blocks are in Blocks.
	Schema *pluginv1.Schema
	// Also says which attributes and blocks the block has besides those of Schema; empty: none.
	Also string
	// PerEvent names the attributes that are evaluated for each event and may use it.
	PerEvent []string
	Blocks   []BlockDoc
}

// Where the content of a block comes from that the router does not define itself; see BlockDoc.Also.
const (
	// AlsoNames is for a block whose attributes have names of their author's choice.
	AlsoNames = "names"
	// AlsoSource is for the attributes of the source's kind.
	AlsoSource = "source"
	// AlsoSettings is for the settings of the plugin's kind.
	AlsoSettings = "settings"
	// AlsoArguments is for the arguments of the plugin's kind. All of them may use the event.
	AlsoArguments = "arguments"
)

// blockDocs describes the blocks of a file, in the order in which a file is best written.
var blockDocs = []BlockDoc{
	{Name: "server", Schema: serverSchema, Doc: "The listener that sources are mounted on. A change needs a restart."},
	{Name: "admin", Schema: adminSchema, Doc: "Health, metrics and the admin API. A change needs a restart."},
	{Name: "journal", Schema: journalSchema, Doc: "The durable store of events and deliveries. A change needs a restart."},
	{Name: "plugins", Schema: pluginsSchema, Doc: "Where the programs of plugins are."},
	{Name: "variable", Schema: variableSchema, Doc: "A value that is set from outside, by --var name=value or POINTSMAN_VAR_<name>. Used as var.<name>."},
	{Name: "locals", Also: AlsoNames, Doc: "Values with a name, used as local.<name>. They may use variables and other locals."},
	{Name: "source", Schema: sourceSchema, Also: AlsoSource, Doc: "Where events come in."},
	{Name: "plugin", Schema: pluginSchema, Doc: "A program that does the work, with its settings."},
	{Name: "rule", Schema: ruleSchema, PerEvent: []string{"when"}, Doc: "What an event of some sources causes: if the condition holds, it is delivered to the plugin of each dispatch block."},
}

// innerDocs holds what a schema does not say about some blocks inside others, by their names.
var innerDocs = map[string]BlockDoc{
	"settings": {Also: AlsoSettings},
	"dispatch": {Labels: []string{"plugin"}, Schema: dispatchSchema, Also: AlsoArguments, PerEvent: []string{"order_by"}},
}

// Blocks describes the router's own blocks.
func Blocks() []BlockDoc {
	docs := slices.Clone(blockDocs)
	for i := range docs {
		docs[i].Labels = rootBlocks[docs[i].Name]
		docs[i].Many = !slices.Contains(singletons, docs[i].Name)
		docs[i].Blocks = innerBlocks(docs[i].Schema)
	}
	return docs
}

func innerBlocks(s *pluginv1.Schema) []BlockDoc {
	var docs []BlockDoc
	for _, b := range s.GetBlocks() {
		d := innerDocs[b.GetName()]
		d.Name, d.Doc, d.Required, d.Many = b.GetName(), b.GetDoc(), b.GetRequired(), b.GetMany()
		if d.Schema == nil {
			d.Schema = b.GetSchema()
		}
		d.Blocks = innerBlocks(d.Schema)
		docs = append(docs, d)
	}
	return docs
}

// TestBlocks describes what a file of tests has: its schema, whose own attributes stand outside of any block, and its blocks.
func TestBlocks() (*pluginv1.Schema, []BlockDoc) {
	docs := innerBlocks(testFileSchema)
	for i := range docs {
		docs[i].Labels = []string{"name"}
	}
	return testFileSchema, docs
}

// NameDoc describes something that expressions and attributes are written with.
type NameDoc struct {
	// Name is how it is written.
	Name string
	Doc  string
	// PerEvent is for names that exist only in expressions that are evaluated for each event.
	PerEvent bool
}

// Names describes what expressions may refer to besides functions.
func Names() []NameDoc {
	return []NameDoc{
		{Name: "event", Doc: "The event. Its fields depend on the kind of its source.", PerEvent: true},
		{Name: "var.<name>", Doc: "The value of a variable block."},
		{Name: "local.<name>", Doc: "A value of a locals block."},
		{Name: "each.key", Doc: "In a rule with for_each: the key of its item."},
		{Name: "each.value", Doc: "In a rule with for_each: its item."},
		{Name: "kb", Doc: "1,024: a size in bytes is 10 * kb."},
		{Name: "mb", Doc: "1,048,576 (1,024 * kb)."},
		{Name: "gb", Doc: "1,073,741,824 (1,024 * mb)."},
	}
}

// Types describes the types of attributes and how their values are written.
func Types() []NameDoc {
	return []NameDoc{
		{Name: "string", Doc: `Text in quotes: "text with ${event.type} in it".`},
		{Name: "number", Doc: "12, -3.5, 10 * mb."},
		{Name: "bool", Doc: "true or false."},
		{Name: "duration", Doc: `A string with a number and a unit, ns, us, ms, s, m, h or d (24 hours): "30s", "1h30m", "7d".`},
		{Name: "list of strings", Doc: `["a", "b"].`},
		{Name: "map of strings", Doc: `{ name = "value" }.`},
		{Name: "any", Doc: "A value of any type, lists and objects too."},
		{Name: "size", Doc: `A string with a number of bytes and a unit, KiB, MiB, GiB, TiB (powers of 1,024) or KB, MB, GB, TB (powers of 1,000): "10GiB".`},
		{Name: "rate", Doc: `A string with a number and a time, s, m, h or d: "30/m".`},
	}
}
