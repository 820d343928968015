package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// decodePlugins reads the plugin blocks. A block with errors is kept, because rules may name it.
func (l *loader) decodePlugins(blocks []*hclsyntax.Block) {
	seen := map[string]*hclsyntax.Block{}
	for _, b := range blocks {
		name, _ := l.name(b)
		if !l.unique(b, name, seen) {
			l.mask(b.Body.Range())
			continue
		}
		l.cfg.Plugins = append(l.cfg.Plugins, l.plugin(name, b))
	}
}

func (l *loader) plugin(name string, b *hclsyntax.Block) *Plugin {
	p := &Plugin{PluginRef: PluginRef{Kind: b.Labels[0], Name: name}, DeclRange: b.DefRange()}
	p.origin = origin{diags: l.diags, block: b.DefRange()}
	o, _ := l.object(b.Body, pluginSchema, decoding{what: fmt.Sprintf("Plugin %q", name), rng: b.DefRange(), skip: []string{"settings"}})
	if _, unknown := o.unknown["path"]; !unknown {
		p.Path = l.pluginPath(o, p.Kind)
	}
	p.SHA256 = parsed(l, o, "sha256", parseSHA256)
	p.Concurrency = int(l.whole(o, "concurrency", 0, 1e6))
	p.Rate = parsed(l, o, "rate", ParseRate)
	p.Timeout = l.positive(o, "timeout")
	p.Env = l.envNames(o)
	p.TLS = o.boolean("tls")
	if l.kind(b) {
		p.Description = l.describe(p)
	}
	l.settings(p, b)
	return p
}

// kind checks the first label: it becomes part of a file name.
func (l *loader) kind(b *hclsyntax.Block) bool {
	if namePattern.MatchString(b.Labels[0]) {
		return true
	}
	l.error(b.LabelRanges[0], "Invalid kind", fmt.Sprintf("%q is not a kind of plugin: use lower-case letters, digits and hyphens.", b.Labels[0]))
	return false
}

// ProgramPrefix begins the name of a plugin's program; its kind follows.
const ProgramPrefix = "pointsman-plugin-"

func (l *loader) pluginPath(o *object, kind string) string {
	if _, written := o.fields["path"]; written {
		return l.filled(o, "path")
	}
	return filepath.Join(l.cfg.PluginsDir, ProgramPrefix+kind)
}

var (
	sha256Pattern  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	envNamePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func parseSHA256(s string) (string, error) {
	s = strings.ToLower(s)
	if !sha256Pattern.MatchString(s) {
		return "", errors.New("a SHA-256 has 64 hexadecimal digits, as sha256sum prints them")
	}
	return s, nil
}

func (l *loader) envNames(o *object) []string {
	names := o.texts("env")
	for _, name := range names {
		if !envNamePattern.MatchString(name) {
			l.error(o.fields["env"].rng, "Invalid value", fmt.Sprintf(`"env" lists names of environment variables, and %q is not one.`, name))
		}
	}
	return names
}

// ErrNotInstalled is the error of Options.Describe for a plugin without a program, where that is only a warning.
var ErrNotInstalled = errors.New("the plugin is not installed")

// ErrNotAsked is the error of Options.Describe for a binary that it does not run, which is no mistake of the configuration.
var ErrNotAsked = errors.New("the program was not asked")

// describe returns the description of a plugin's binary. It returns nil, and reports an error, when there is no usable one.
func (l *loader) describe(p *Plugin) *pluginv1.DescribeResponse {
	if l.options.Describe == nil || p.Path == "" {
		return nil
	}
	binary := p.Path + " " + p.SHA256
	d, cached := l.described[binary]
	if !cached {
		d.answer, d.err = l.options.Describe(l.ctx, p.PluginRef)
		if d.err == nil && d.answer == nil {
			d.err = errors.New("no description")
		}
		l.described[binary] = d
	}
	switch {
	case errors.Is(d.err, ErrNotAsked):
		return nil
	case d.err != nil && cached:
		return nil // reported at the first block of this binary
	case errors.Is(d.err, ErrNotInstalled):
		l.warn(p.DeclRange, "Plugin is not installed", fmt.Sprintf("There is no program at %s. The settings and arguments of this plugin are not checked.%s", p.Path, l.installedKinds(p)))
		return nil
	case d.err != nil:
		l.error(p.DeclRange, "Plugin cannot be described", fmt.Sprintf("Running %s describe: %v. The settings and arguments of this plugin are not checked.%s", p.Path, d.err, l.installedKinds(p)))
		return nil
	}
	if name := d.answer.GetName(); name != "" && name != p.Kind {
		l.error(p.DeclRange, "Wrong kind of plugin", fmt.Sprintf("%s is a plugin of kind %q, not %q.", p.Path, name, p.Kind))
		return nil
	}
	arguments := d.answer.GetArguments()
	for _, name := range namesOf(arguments) {
		if slices.Contains(schema.ReservedArguments(), name) {
			l.error(p.DeclRange, "Plugin uses a reserved name", fmt.Sprintf("%s has an argument %q, a name that is reserved for the router in dispatch blocks. Rename the argument in the plugin.", p.Path, name))
			return nil
		}
	}
	return d.answer
}

// installedKinds is a sentence with the kinds of plugin that are installed, if the kind of p is not.
func (l *loader) installedKinds(p *Plugin) string {
	if _, err := os.Stat(p.Path); err == nil || p.Path != filepath.Join(l.cfg.PluginsDir, ProgramPrefix+p.Kind) {
		return ""
	}
	found, err := filepath.Glob(filepath.Join(l.cfg.PluginsDir, ProgramPrefix+"*"))
	if err != nil || len(found) == 0 {
		return ""
	}
	kinds := make([]string, len(found))
	for i, path := range found {
		kinds[i] = strings.TrimPrefix(filepath.Base(path), ProgramPrefix)
	}
	return meant(p.Kind, kinds) + knownNames(kinds, "kinds")
}

// settings decodes the settings block, if the plugin's schema is known.
func (l *loader) settings(p *Plugin, b *hclsyntax.Block) {
	how := decoding{what: fmt.Sprintf("Plugin %q", p.Name), secrets: true, rng: b.DefRange()}
	blocks, ok := l.blocksNamed(b.Body, &pluginv1.Block{Name: "settings"}, how)
	body := &hclsyntax.Body{}
	if len(blocks) > 0 {
		body, how.rng = blocks[0].Body, blocks[0].DefRange()
	}
	if p.Description == nil {
		l.mask(body.Range())
		return
	}
	o, valid := l.object(body, p.Description.GetSettings(), how)
	p.origin.settings = o
	if ok && valid {
		p.Settings = l.encode(o)
	}
}
