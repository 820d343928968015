package config

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var patternFunctions = []FunctionDoc{
	{
		Signature: "matches(pattern, s)", Doc: "Reports whether any part of the string matches the regular expression (RE2, at most 1 KiB; anchor it with ^ and $).",
		impl:     textFunc(cty.Bool, 2, withPattern(CompilePattern, func(p *Pattern, a []string) (cty.Value, error) { return cty.BoolVal(p.MatchString(a[1])), nil })),
		Examples: []FunctionExample{{`matches("^img/.*[.](png|jpg)$", "img/a.png")`, `true`}},
	},
	{
		Signature: "glob(pattern, s)", Doc: "Reports whether the whole string matches the glob pattern: * matches anything but /, ** anything, ? one character, [a-z] a class.",
		impl:     textFunc(cty.Bool, 2, withPattern(CompileGlob, func(p *Pattern, a []string) (cty.Value, error) { return cty.BoolVal(p.MatchString(a[1])), nil })),
		Examples: []FunctionExample{{`glob("img/*.png", "img/a.png")`, `true`}, {`glob("img/*.png", "img/2026/a.png")`, `false`}},
	},
	{
		Signature: "regex(pattern, s)", Doc: "Returns the first match of the regular expression (RE2): its text, or a list of its groups, or an object of its named groups. A group that took no part is null. It is an error when nothing matches; try() gives a default.",
		impl: textFunc(cty.DynamicPseudoType, 2, withPattern(CompilePattern, regexValue)),
		Examples: []FunctionExample{
			{`regex("[0-9]+", "run 17 of 20")`, `"17"`},
			{`regex("run ([0-9]+) of ([0-9]+)", "run 17 of 20")`, `["17", "20"]`},
			{`regex("^(?P<level>[A-Z]+): (?P<text>.*)$", "WARN: disk full")`, `{ level = "WARN", text = "disk full" }`},
		},
	},
	{
		Signature: "regexall(pattern, s)", Doc: "Returns all matches as a list, each as regex returns it. At most 10,000 matches.", Returns: "list",
		impl:     textFunc(cty.DynamicPseudoType, 2, withPattern(CompilePattern, regexAllValue)),
		Examples: []FunctionExample{{`regexall("[a-z]+", "12 ab 34 cd")`, `["ab", "cd"]`}, {`length(regexall("x", "abc")) > 0`, `false`}},
	},
	{
		Signature: "regexreplace(s, pattern, replacement)", Doc: "Replaces every match of the regular expression. In the replacement $1 or ${name} stands for a group; in HCL write $${name}.",
		impl:     textFunc(cty.String, 3, regexReplaceValue),
		Examples: []FunctionExample{{`regexreplace("card 1234-5678", "[0-9]", "*")`, `"card ****-****"`}, {`regexreplace("2026-11-27", "(\\d+)-(\\d+)-(\\d+)", "$3.$2.$1")`, `"27.11.2026"`}},
	},
}

// Limits of regular expressions. A pattern of 1 KiB may ask for a program of 100 MB: (((a{9}){9}){9}){9}.
const (
	maxPatternBytes = 1 << 10
	maxPatternSize  = 4000
	maxGroups       = 100
	// MaxMatches is how many matches regexall and regexreplace accept.
	MaxMatches = 10_000
)

var (
	errPatternTooLong   = errors.New("a pattern may have at most 1 KiB")
	errPatternTooCostly = fmt.Errorf("this regular expression is too large: with its repetitions written out it may have at most %d parts", maxPatternSize)
	errTooManyGroups    = fmt.Errorf("a pattern may have at most %d groups", maxGroups)
	errMixedGroups      = errors.New("name all groups of the pattern, or none")
	errTooManyMatches   = fmt.Errorf("there are more than %d matches", MaxMatches)
	// ErrNoMatch is why regex has no result.
	ErrNoMatch = errors.New("nothing in the text matches the pattern")
)

// Pattern is a compiled regular expression.
type Pattern struct {
	*regexp.Regexp
	// Size counts the parts of the expression with its repetitions written out. The time for a byte of text grows with it.
	Size int
}

// CompilePattern compiles the pattern of matches() and regex(). RE2 runs in time linear in its input and in the size of the pattern, which
// is bounded before anything is compiled.
func CompilePattern(pattern string) (*Pattern, error) {
	if len(pattern) > maxPatternBytes {
		return nil, errPatternTooLong
	}
	p, err := compileBounded(pattern)
	if _, ok := errors.AsType[*syntax.Error](err); ok {
		return nil, fmt.Errorf("not a regular expression (RE2): %w", err)
	}
	return p, err
}

func compileBounded(pattern string) (*Pattern, error) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err, ok := errors.AsType[*syntax.Error](err); ok && err.Code == syntax.ErrLarge {
		return nil, errPatternTooCostly
	}
	if err != nil {
		return nil, err
	}
	size := patternSize(tree)
	switch {
	case size > maxPatternSize:
		return nil, errPatternTooCostly
	case tree.MaxCap() > maxGroups:
		return nil, errTooManyGroups
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return &Pattern{re, size}, nil
}

// patternSize is an upper bound of the instructions that the pattern compiles to. It stops counting above maxPatternSize.
func patternSize(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)/16 // ranges of a class are searched
	if re.Op == syntax.OpLiteral {
		size = len(re.Rune)
	}
	for _, sub := range re.Sub {
		size += 1 + patternSize(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min+1, re.Max)
	}
	return min(size, maxPatternSize+1)
}

// Named reports whether the groups of the pattern have names.
func (p *Pattern) Named() bool { return p.NumSubexp() > 0 && p.SubexpNames()[1] != "" }

// CheckGroups refuses patterns whose groups have names only in part.
func (p *Pattern) CheckGroups() error {
	for _, name := range p.SubexpNames()[1:] {
		if (name != "") != p.Named() {
			return errMixedGroups
		}
	}
	return nil
}

// All returns where all matches in s are, as regexp.FindAllStringSubmatchIndex does.
func (p *Pattern) All(s string) ([][]int, error) {
	found := p.FindAllStringSubmatchIndex(s, MaxMatches+1)
	if len(found) > MaxMatches {
		return nil, errTooManyMatches
	}
	return found, nil
}

// Replace replaces all matches in s. The result has at most limit bytes, or there is an error.
func (p *Pattern) Replace(s, replacement string, limit int) (string, error) {
	matches, err := p.All(s)
	if err != nil {
		return "", err
	}
	var out []byte
	last := 0
	for _, at := range matches {
		out = append(out, s[last:at[0]]...)
		if out = p.ExpandString(out, replacement, s, at); len(out) > limit {
			return "", errResultTooLong
		}
		last = at[1]
	}
	return string(append(out, s[last:]...)), nil
}

// withPattern compiles the first argument.
func withPattern(compile func(string) (*Pattern, error), f func(*Pattern, []string) (cty.Value, error)) func([]string) (cty.Value, error) {
	return func(args []string) (cty.Value, error) {
		p, err := compile(args[0])
		if err != nil {
			return cty.NilVal, function.NewArgError(0, err)
		}
		return f(p, args)
	}
}

func regexValue(p *Pattern, args []string) (cty.Value, error) {
	if err := p.CheckGroups(); err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	at := p.FindStringSubmatchIndex(args[1])
	if at == nil {
		return cty.NilVal, ErrNoMatch
	}
	return p.groups(args[1], at), nil
}

func regexAllValue(p *Pattern, args []string) (cty.Value, error) {
	if err := p.CheckGroups(); err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	matches, err := p.All(args[1])
	if err != nil {
		return cty.NilVal, err
	}
	found := make([]cty.Value, len(matches))
	for i, at := range matches {
		found[i] = p.groups(args[1], at)
	}
	return cty.TupleVal(found), nil
}

func regexReplaceValue(args []string) (cty.Value, error) {
	p, err := CompilePattern(args[1])
	if err != nil {
		return cty.NilVal, function.NewArgError(1, err)
	}
	s, err := p.Replace(args[0], args[2], maxResultBytes)
	if err != nil {
		return cty.NilVal, err
	}
	return cty.StringVal(s), nil
}

// groups is the value of one match.
func (p *Pattern) groups(s string, at []int) cty.Value {
	group := func(i int) cty.Value {
		if at[2*i] < 0 {
			return cty.NullVal(cty.String)
		}
		return cty.StringVal(s[at[2*i]:at[2*i+1]])
	}
	if p.NumSubexp() == 0 {
		return group(0)
	}
	names, all := map[string]cty.Value{}, []cty.Value{}
	for i := 1; i <= p.NumSubexp(); i++ {
		all = append(all, group(i))
		names[p.SubexpNames()[i]] = group(i)
	}
	if p.Named() {
		return cty.ObjectVal(names)
	}
	return cty.TupleVal(all)
}

// CompileGlob compiles the pattern of glob() to a regular expression over the whole string.
func CompileGlob(pattern string) (*Pattern, error) {
	if len(pattern) > maxPatternBytes {
		return nil, errPatternTooLong
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(pattern); {
		part, n, err := globPart(pattern[i:])
		if err != nil {
			return nil, err
		}
		b.WriteString(part)
		i += n
	}
	b.WriteString(`\z`)
	p, err := compileBounded(b.String())
	if _, ok := errors.AsType[*syntax.Error](err); ok {
		return nil, fmt.Errorf("not a glob pattern: %w", err)
	}
	return p, err
}

// globPart translates the first element of the pattern, and returns how many bytes of it.
func globPart(p string) (part string, n int, err error) {
	switch {
	case strings.HasPrefix(p, "**"):
		return ".*", 2, nil
	case p[0] == '*':
		return "[^/]*", 1, nil
	case p[0] == '?':
		return "[^/]", 1, nil
	case p[0] == '\\' && len(p) > 1:
		_, size := utf8.DecodeRuneInString(p[1:])
		return regexp.QuoteMeta(p[1 : 1+size]), 1 + size, nil
	case p[0] == '[':
		end := strings.IndexByte(p, ']')
		if end < 2 {
			return "", 0, errors.New("not a glob pattern: [ without its ]")
		}
		class := p[1:end]
		negate := ""
		if class[0] == '!' || class[0] == '^' {
			negate, class = "^", class[1:]
		}
		return "[" + negate + strings.NewReplacer(`\`, `\\`, `[`, `\[`, `^`, `\^`).Replace(class) + "]", end + 1, nil
	}
	_, size := utf8.DecodeRuneInString(p)
	return regexp.QuoteMeta(p[:size]), size, nil
}
