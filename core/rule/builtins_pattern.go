package rule

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/pointsman/pointsman/core/config"
)

// compilePattern turns the text of a pattern into a regular expression.
type compilePattern func(string) (*config.Pattern, error)

// Costs of regular expressions, in the steps of maxWork.
const (
	compileWork = 100 // for each part of a pattern that is compiled for an event
	partsWork   = 4   // so many parts of a pattern cost one step for each byte of text
)

// patternArgument compiles a constant pattern now. Others are compiled for each event; the closure returns nil when that fails.
func (c *compiler) patternArgument(k *call, i int, compile compilePattern) func(*frame) *config.Pattern {
	text := c.textArgument(k, i)
	if text == nil {
		return nil
	}
	arg := k.args[i]
	if arg.constant == nil {
		return func(f *frame) *config.Pattern {
			s := text(f)
			if f.err != nil {
				return nil
			}
			p, err := compile(s)
			if err != nil {
				f.fail(arg.at, "%s: %s; it is %s", k.role(i), err, show(textValue(s)))
				return nil
			}
			f.spend(k.at, compileWork*p.Size)
			return p
		}
	}
	literal, _ := arg.constant.toText()
	p, err := compile(literal)
	if err != nil {
		c.errorf(*arg.rng(), k.at.rng, "Invalid pattern", "%s.", sentence(err.Error()))
		return nil
	}
	return func(*frame) *config.Pattern { return p }
}

// search charges for matching s once. It returns false after any failure.
func (f *frame) search(at *position, p *config.Pattern, s string) bool {
	return f.spend(at, len(s)*(p.Size/partsWork))
}

// pattern is for functions that report whether a text matches a pattern.
func pattern(compile compilePattern) builtin {
	return func(c *compiler, k *call) *expr {
		p, s := c.patternArgument(k, 0, compile), c.textArgument(k, 1)
		if p == nil || s == nil {
			return nil
		}
		return boolExpr(k.at, func(f *frame) bool {
			re, text := p(f), s(f)
			return re != nil && f.search(k.at, re, text) && re.MatchString(normal(text))
		})
	}
}

// compileGroups is CompilePattern for functions that return groups.
func compileGroups(pattern string) (*config.Pattern, error) {
	p, err := config.CompilePattern(pattern)
	if err != nil {
		return nil, err
	}
	return p, p.CheckGroups()
}

// regex returns the first match, and fails when there is none.
func (c *compiler) regex(k *call) *expr {
	p, s := c.patternArgument(k, 0, compileGroups), c.textArgument(k, 1)
	if p == nil || s == nil {
		return nil
	}
	find := func(f *frame) (re *config.Pattern, text string, at []int) {
		if re, text = p(f), normal(s(f)); re == nil || !f.search(k.at, re, text) {
			return nil, "", nil
		}
		if at = re.FindStringSubmatchIndex(text); at == nil {
			f.fail(k.at, "%s: %s", config.ErrNoMatch, show(textValue(text)))
		}
		return re, text, at
	}
	typ := matchType(k, p)
	if typ == cty.String {
		return textExpr(k.at, func(f *frame) string {
			_, text, at := find(f)
			if at == nil {
				return ""
			}
			return text[at[0]:at[1]]
		})
	}
	return valueExpr(k.at, typ, func(f *frame) value {
		re, text, at := find(f)
		if at == nil {
			return value{}
		}
		return matchValue(re, text, at)
	})
}

// matchType is the type of one match: the pattern tells it if it is constant.
func matchType(k *call, p func(*frame) *config.Pattern) cty.Type {
	if k.args[0].constant == nil {
		return cty.DynamicPseudoType
	}
	re := p(nil)
	switch names := re.SubexpNames()[1:]; {
	case re.Named():
		members := map[string]cty.Type{}
		for _, name := range names {
			members[name] = cty.String
		}
		return cty.Object(members)
	case len(names) > 0:
		return cty.List(cty.String)
	}
	return cty.String
}

// matchValue is a match: its text, or its groups. A group that took no part is null.
func matchValue(re *config.Pattern, s string, at []int) value {
	if re.NumSubexp() == 0 {
		return textValue(s[at[0]:at[1]])
	}
	groups := make([]value, re.NumSubexp())
	for i := range groups {
		if start, end := at[2*i+2], at[2*i+3]; start >= 0 {
			groups[i] = textValue(s[start:end])
		}
	}
	if re.Named() {
		return objectValue(re.SubexpNames()[1:], groups)
	}
	return listValue(groups)
}

func (c *compiler) regexAll(k *call) *expr {
	p, s := c.patternArgument(k, 0, compileGroups), c.textArgument(k, 1)
	if p == nil || s == nil {
		return nil
	}
	return valueExpr(k.at, cty.List(matchType(k, p)), func(f *frame) value {
		re, text := p(f), normal(s(f))
		matches := f.matches(k, re, text)
		items := make([]value, len(matches))
		for i, at := range matches {
			items[i] = matchValue(re, text, at)
		}
		return listValue(items)
	})
}

// matches finds all matches. The search for one may read the text to its end, so it is paid for that before it happens.
func (f *frame) matches(k *call, re *config.Pattern, text string) [][]int {
	if re == nil || !f.search(k.at, re, text) {
		return nil
	}
	for n := 64; ; n *= 4 {
		n = min(n, config.MaxMatches+1)
		found := re.FindAllStringSubmatchIndex(text, n)
		switch {
		case len(found) < n:
			f.spend(k.at, len(found)*elementWork)
			return found
		case n > config.MaxMatches:
			f.fail(k.at, "there are more than %d matches", config.MaxMatches)
			return nil
		case !f.spend(k.at, n*len(text)):
			return nil
		}
	}
}

func (c *compiler) regexReplace(k *call) *expr {
	s, p, replacement := c.textArgument(k, 0), c.patternArgument(k, 1, config.CompilePattern), c.textArgument(k, 2)
	if s == nil || p == nil || replacement == nil {
		return nil
	}
	return textExpr(k.at, func(f *frame) string {
		text, re, by := normal(s(f)), p(f), replacement(f)
		matches := f.matches(k, re, text)
		if f.err != nil {
			return ""
		}
		out, last := []byte(nil), 0
		for _, at := range matches {
			start := len(out)
			out = re.ExpandString(append(out, text[last:at[0]]...), by, text, at)
			if last = at[1]; !f.spend(k.at, len(out)-start) {
				return ""
			}
		}
		return string(append(out, text[last:]...))
	})
}
