package config

import (
	"context"
	"os"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Load reads files, and of directories all *.hcl in name order, as one configuration. Both results are never nil. The
// context limits Options.Describe.
func Load(ctx context.Context, paths []string, o Options) (*Config, *Diagnostics) {
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	l := &loader{
		ctx: ctx, options: o, cfg: &Config{},
		diags:     &Diagnostics{files: map[string]*file{}},
		functions: map[string]map[string]function.Function{},
		vars:      map[string]cty.Value{}, locals: map[string]cty.Value{},
		broken:    map[string]bool{},
		described: map[string]description{},
		warned:    map[string]bool{},
	}
	if len(paths) == 0 && o.Files == nil {
		l.diags.Append(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "No configuration files", Detail: "Name a *.hcl file or a directory that has some."})
	}
	l.cfg.files = l.diags.files
	l.cfg.Scope = l.scope() // for rule.Compile, which has nothing to compile when a file could not be parsed
	var blocks []*hclsyntax.Block
	for _, f := range l.files(paths) {
		blocks = append(blocks, l.take(f)...)
	}
	if l.diags.HasErrors() {
		// Part of the text could not be parsed. Names that it declares would be reported as missing.
		l.decodeAddresses(blocks)
		return l.cfg, l.diags
	}
	l.decode(blocks)
	return l.cfg, l.diags
}

// loader is one run of Load.
type loader struct {
	ctx     context.Context
	options Options
	cfg     *Config
	diags   *Diagnostics

	// functions holds the functions by the file that calls them.
	functions map[string]map[string]function.Function
	// vars and locals hold marked values; one that could not be determined is cty.DynamicVal.
	vars, locals map[string]cty.Value
	// broken holds the types of blocks of which some could not be read. Names that nothing declares are then not reported:
	// the broken block may be the declaration.
	broken map[string]bool
	// each is the item of the rule that is read; nil outside of a block with for_each.
	each *item
	// described caches the descriptions of binaries, by path.
	described map[string]description
	// defaults are those of schemas' attributes, as they were read.
	defaults map[*pluginv1.Attribute]cty.Value
	// warned holds what is not there and is reported, by the text of the report.
	warned map[string]bool
	// openFiles says that what file() gives is no secret: tests show it.
	openFiles bool
}

type description struct {
	answer *pluginv1.DescribeResponse
	err    error
}

// files parses the files that were given, or those that paths name.
func (l *loader) files(paths []string) []checkedFile {
	if given := l.options.Files; given != nil {
		return checkAll(given, func(f File) (*file, hcl.Diagnostics) { return parseFile(f.Name, f.Text) })
	}
	names, diags := findFiles(paths, isConfiguration)
	l.diags.Append(diags...)
	return checkAll(names, readFile)
}

// take returns the blocks of a file.
func (l *loader) take(f checkedFile) []*hclsyntax.Block {
	l.diags.files[f.name] = f.file
	l.cfg.Files = append(l.cfg.Files, f.name)
	l.diags.Append(f.diags...)
	return f.body.Blocks
}

// decode turns blocks into the configuration. A block may use those decoded before it.
func (l *loader) decode(blocks []*hclsyntax.Block) {
	l.rootAttributes()
	by := l.sort(blocks)
	l.decodeVariables(by["variable"])
	l.decodeLocals(by["locals"])
	l.cfg.Scope = l.scope()
	l.decodeServer(by)
	l.decodeSources(by["source"])
	l.decodePlugins(by["plugin"])
	l.decodeRules(by["rule"])
}

// decodeAddresses decodes where the router is from what could be parsed, because people ask a running router for its status while they
// mend the files. It reports nothing: what is wrong may follow from what could not be parsed.
func (l *loader) decodeAddresses(blocks []*hclsyntax.Block) {
	reported := l.diags
	l.diags = &Diagnostics{files: reported.files}
	by := l.sort(blocks)
	l.decodeVariables(by["variable"])
	l.decodeLocals(by["locals"])
	l.decodeServer(by)
	l.diags = reported
}

// scope is the scope of expressions in rules. It has no env() and no file(), because the results of rules are stored and shown.
func (l *loader) scope() *hcl.EvalContext {
	return &hcl.EvalContext{Variables: rootValues(withoutMissing(l.vars), withoutMissing(l.locals)), Functions: pureFunctions()}
}

func (l *loader) error(rng hcl.Range, summary, detail string) {
	l.diags.Append(errorAt(rng, summary, detail))
}

func (l *loader) warn(rng hcl.Range, summary, detail string) {
	l.diags.Append(warningAt(rng, summary, detail))
}

// mask hides the literals of a range in diagnostics.
func (l *loader) mask(rng hcl.Range) {
	if f := l.diags.files[rng.Filename]; f != nil {
		f.mask(rng)
	}
}

func sortedAttributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	attrs := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		attrs = append(attrs, a)
	}
	slices.SortFunc(attrs, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return attrs
}
