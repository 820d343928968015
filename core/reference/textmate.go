package reference

import (
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"
)

// grammar is a TextMate grammar: the patterns of a file, and those that they include by name.
type grammar struct {
	Schema     string             `json:"$schema"`
	Name       string             `json:"name"`
	ScopeName  string             `json:"scopeName"`
	FileTypes  []string           `json:"fileTypes"`
	Patterns   []pattern          `json:"patterns"`
	Repository map[string]pattern `json:"repository"`
}

type pattern struct {
	Include       string             `json:"include,omitempty"`
	Name          string             `json:"name,omitempty"`
	Match         string             `json:"match,omitempty"`
	Begin         string             `json:"begin,omitempty"`
	End           string             `json:"end,omitempty"`
	Captures      map[string]pattern `json:"captures,omitempty"`
	BeginCaptures map[string]pattern `json:"beginCaptures,omitempty"`
	EndCaptures   map[string]pattern `json:"endCaptures,omitempty"`
	Patterns      []pattern          `json:"patterns,omitempty"`
}

const scope = ".pointsman"

// WriteTextMate prints a TextMate grammar of the configuration language. What it highlights as a block or function is what m has;
// other names are highlighted as those of HCL.
func (m *Model) WriteTextMate(w io.Writer) error {
	include := func(names ...string) (list []pattern) {
		for _, n := range names {
			list = append(list, pattern{Include: "#" + n})
		}
		return list
	}
	expression := []string{"comments", "heredoc", "string", "number", "constant", "call", "reference", "operator"}
	g := grammar{
		Schema: "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
		Name:   "Pointsman", ScopeName: "source" + scope, FileTypes: []string{"hcl"},
		Patterns: include(slices.Concat([]string{"comments", "block", "attribute"}, expression[1:])...),
		Repository: map[string]pattern{
			"comments": {Patterns: []pattern{
				{Name: "comment.line" + scope, Match: `(#|//).*$`},
				{Name: "comment.block" + scope, Begin: `/\*`, End: `\*/`},
			}},
			"block": {
				Match:    `^\s*(?:(` + words(m.blockNames()) + `)|([A-Za-z_][\w-]*))((?:\s+"[^"]*")*)\s*(?=\{)`,
				Captures: map[string]pattern{"1": {Name: "keyword.control.block" + scope}, "2": {Name: "entity.name.type.block" + scope}, "3": {Patterns: []pattern{{Name: "string.quoted.double.label" + scope, Match: `"[^"]*"`}}}},
			},
			"attribute": {
				Match:    `([A-Za-z_][\w-]*)\s*(=)(?![=>])`,
				Captures: map[string]pattern{"1": {Name: "variable.other.property" + scope}, "2": {Name: "keyword.operator.assignment" + scope}},
			},
			"string": {
				Name: "string.quoted.double" + scope, Begin: `"`, End: `"`,
				Patterns: append([]pattern{{Name: "constant.character.escape" + scope, Match: `\\([nrt"\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})|\$\$\{|%%\{`}}, include("template")...),
			},
			"heredoc": {
				Name: "string.unquoted.heredoc" + scope, Begin: `<<-?\s*([A-Za-z_][\w-]*)\s*$`, End: `^\s*\1\s*$`,
				BeginCaptures: map[string]pattern{"1": {Name: "keyword.control.heredoc" + scope}},
				Patterns:      include("template"),
			},
			"template": {
				Name: "meta.template.expression" + scope, Begin: `(?<![$%])[$%]\{~?`, End: `~?\}`,
				BeginCaptures: map[string]pattern{"0": {Name: "punctuation.section.embedded.begin" + scope}},
				EndCaptures:   map[string]pattern{"0": {Name: "punctuation.section.embedded.end" + scope}},
				Patterns:      include(expression...),
			},
			"number":   {Name: "constant.numeric" + scope, Match: `(?<![\w.])[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\b`},
			"constant": {Name: "constant.language" + scope, Match: `\b(true|false|null)\b`},
			"call": {
				Match:    `\b(?:(` + words(m.NamesOf("functions")) + `)|([A-Za-z_]\w*))\s*(?=\()`,
				Captures: map[string]pattern{"1": {Name: "support.function" + scope}, "2": {Name: "entity.name.function.unknown" + scope}},
			},
			"reference": {Patterns: []pattern{
				{Match: `(?<![\w.])(` + words(m.rootNames()) + `)\b((?:\.[A-Za-z_]\w*)*)`, Captures: map[string]pattern{"1": {Name: "variable.language" + scope}, "2": {Name: "variable.other.member" + scope}}},
				{Name: "keyword.control" + scope, Match: `\b(for|in|if|else|endif|endfor)\b`},
			}},
			"operator": {Name: "keyword.operator" + scope, Match: `==|!=|<=|>=|=>|&&|\|\||\.\.\.|[-+*/%<>!?:]`},
		},
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(g)
}

// words matches any of the names.
func words(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = regexp.QuoteMeta(n)
	}
	return strings.Join(quoted, "|")
}

// blockNames are the names of all blocks of the router itself, the inner ones too.
func (m *Model) blockNames() []string {
	var list []string
	var add func([]Block)
	add = func(blocks []Block) {
		for _, b := range blocks {
			list = append(list, b.Name)
			add(b.Blocks)
		}
	}
	add(m.Blocks)
	add(m.Tests.Blocks)
	slices.Sort(list)
	return slices.Compact(list)
}

// rootNames are the names that expressions begin with.
func (m *Model) rootNames() []string {
	var list []string
	for _, n := range m.Names {
		root, _, _ := strings.Cut(n.Name, ".")
		list = append(list, root)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
