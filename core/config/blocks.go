package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// rootBlocks are the top-level blocks of a file and the names of their labels.
var rootBlocks = map[string][]string{
	"server": nil, "admin": nil, "journal": nil, "plugins": nil, "locals": nil,
	"variable": {"name"},
	"source":   {"kind", "name"},
	"plugin":   {"kind", "name"},
	"rule":     {"name"},
}

// singletons are the blocks that may be written only once in all files.
var singletons = []string{"server", "admin", "journal", "plugins"}

func rootBlockNames() []string { return slices.Sorted(maps.Keys(rootBlocks)) }

// sort groups blocks by type and reports those that are unknown, repeated or wrongly labelled.
func (l *loader) sort(blocks []*hclsyntax.Block) map[string][]*hclsyntax.Block {
	by := map[string][]*hclsyntax.Block{}
	for _, b := range blocks {
		labels, known := rootBlocks[b.Type]
		if !known {
			l.mask(b.Body.Range())
			l.broken[Suggest(b.Type, rootBlockNames())] = true
			l.error(b.TypeRange, "Unknown block", fmt.Sprintf("There is no block %q.%s", b.Type, didYouMean(b.Type, rootBlockNames(), "blocks")))
			continue
		}
		if !l.labels(b, labels) {
			l.broken[b.Type] = true
			continue
		}
		if slices.Contains(singletons, b.Type) && len(by[b.Type]) > 0 {
			l.error(b.DefRange(), "Block written twice", fmt.Sprintf("A configuration has one %q block. The other is at %s.", b.Type, place(by[b.Type][0].DefRange())))
			continue
		}
		by[b.Type] = append(by[b.Type], b)
	}
	return by
}

var namePattern = regexp.MustCompile(`^[a-z0-9-]+$`)

// labels checks how many labels a block has.
func (l *loader) labels(b *hclsyntax.Block, want []string) bool {
	var form strings.Builder
	form.WriteString(b.Type)
	for _, label := range want {
		fmt.Fprintf(&form, " %q", "<"+label+">")
	}
	switch {
	case len(b.Labels) > len(want):
		l.error(b.LabelRanges[len(want)], "Unexpected label", fmt.Sprintf("Write %s { ... }.", form.String()))
	case len(b.Labels) < len(want):
		l.error(b.DefRange(), "Missing label", fmt.Sprintf("The %s is missing: write %s { ... }.", want[len(b.Labels)], form.String()))
	default:
		return true
	}
	return false
}

// name checks the last label of a block as a name. Names appear in paths, metrics and environment variables.
func (l *loader) name(b *hclsyntax.Block) (string, bool) {
	i := len(b.Labels) - 1
	name := b.Labels[i]
	const longest = 64
	switch {
	case len(name) > longest:
		l.error(b.LabelRanges[i], "Invalid name", fmt.Sprintf("A name may have at most %d characters.", longest))
	case !namePattern.MatchString(name):
		l.error(b.LabelRanges[i], "Invalid name", fmt.Sprintf("%q is not a name: use lower-case letters, digits and hyphens.", name))
	default:
		return name, true
	}
	return name, false
}

// unique reports the second block of a name; seen holds the blocks by name.
func (l *loader) unique(b *hclsyntax.Block, name string, seen map[string]*hclsyntax.Block) bool {
	first, repeated := seen[name]
	if !repeated {
		seen[name] = b
		return true
	}
	l.error(b.DefRange(), "Duplicate "+b.Type, fmt.Sprintf("The name of a %s must be unique, and %s is already at %s.", b.Type, blockName(first), place(first.DefRange())))
	return false
}

// rootAttributes reports attributes outside of any block.
func (l *loader) rootAttributes() {
	for _, name := range l.cfg.Files {
		f := l.diags.files[name]
		for _, attr := range sortedAttributes(f.body) {
			f.mask(attr.Expr.Range())
			detail := "Attributes belong into blocks."
			if _, isBlock := rootBlocks[attr.Name]; isBlock {
				detail = fmt.Sprintf("%q is a block: write %s { ... }, without an equals sign.", attr.Name, attr.Name)
			}
			l.error(attr.NameRange, "Unknown attribute", detail)
		}
	}
}
