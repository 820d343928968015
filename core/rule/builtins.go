package rule

import (
	"slices"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/config"
)

// builtin compiles the calls of one function.
type builtin func(*compiler, *call) *expr

// builtins are the functions that are compiled, because rules use them often.
var builtins = map[string]builtin{
	"lower":      textToText(strings.ToLower),
	"upper":      textToText(strings.ToUpper),
	"trimspace":  textToText(strings.TrimSpace),
	"trimprefix": textsToText(strings.TrimPrefix),
	"trimsuffix": textsToText(strings.TrimSuffix),
	"replace":    (*compiler).replace,
	"startswith": affix(strings.HasPrefix, hasPrefix),
	"endswith":   affix(strings.HasSuffix, hasSuffix),
	"matches":    pattern(config.CompilePattern),
	"glob":       pattern(config.CompileGlob),
	"contains":   (*compiler).contains,
	"length":     (*compiler).length,
	"coalesce":   (*compiler).coalesce,
	"get":        (*compiler).get,
	"tostring":   (*compiler).toString,
	"tonumber":   (*compiler).toNumber,
	"jsonencode": (*compiler).jsonEncode,
	"jsondecode": (*compiler).jsonDecode,

	"strcontains":  textsToBool(strings.Contains),
	"regex":        (*compiler).regex,
	"regexall":     (*compiler).regexAll,
	"regexreplace": (*compiler).regexReplace,
	"try":          (*compiler).try,
	"can":          (*compiler).can,
	"lookup":       (*compiler).lookup,
	"sum":          (*compiler).sum,
	"formatdate":   (*compiler).formatDate,
	"hour":         clock(time.Time.Hour),
	"weekday":      clock(config.ISOWeekday),
	"cloudevent":   (*compiler).cloudEvent,

	"distinct":        (*compiler).distinct,
	"tolist":          toCollection(false),
	"toset":           toCollection(true),
	"tomap":           (*compiler).toMap,
	"setunion":        sets(func([]bool) bool { return true }),
	"setintersection": sets(func(in []bool) bool { return !slices.Contains(in, false) }),
	"setsubtract":     sets(func(in []bool) bool { return in[0] && !in[1] }),
}

// textArgument is an argument that is searched or copied.
func (c *compiler) textArgument(k *call, i int) func(*frame) string {
	s := c.asText(k.args[i], k.role(i))
	if s == nil || k.args[i].constant != nil || k.free {
		return s
	}
	return func(f *frame) string {
		t := s(f)
		f.spend(k.at, len(t))
		return t
	}
}

func textToText(apply func(string) string) builtin {
	return func(c *compiler, k *call) *expr {
		s := c.textArgument(k, 0)
		if s == nil {
			return nil
		}
		return textExpr(k.at, func(f *frame) string { return apply(s(f)) })
	}
}

// textsToText is for functions that cut the second text off the first.
func textsToText(apply func(s, cut string) string) builtin {
	return func(c *compiler, k *call) *expr {
		s, cut := c.textArgument(k, 0), c.textArgument(k, 1)
		if s == nil || cut == nil {
			return nil
		}
		return textExpr(k.at, func(f *frame) string {
			whole, part := s(f), cut(f)
			return apply(whole, part)
		})
	}
}

func textsToBool(apply func(s, part string) bool) builtin {
	return func(c *compiler, k *call) *expr {
		s, part := c.textArgument(k, 0), c.textArgument(k, 1)
		if s == nil || part == nil {
			return nil
		}
		if k.args[1].constant != nil {
			want, _ := k.args[1].constant.toText()
			want = normal(want)
			return boolExpr(k.at, func(f *frame) bool { return apply(normal(s(f)), want) })
		}
		return boolExpr(k.at, func(f *frame) bool {
			whole, want := s(f), part(f)
			return apply(normal(whole), normal(want))
		})
	}
}

// affix is for functions that tell whether a text begins or ends with another one.
func affix(apply func(s, part string) bool, t test) builtin {
	return func(c *compiler, k *call) *expr {
		of := k.args[0]
		k.free = of.operand != nil && k.args[1].constant != nil && len(c.loops) == 0
		e := textsToBool(apply)(c, k)
		if e == nil || !k.free {
			return e
		}
		want, _ := k.args[1].constant.toText()
		e.guarded(of, t, textValue(want)).total = of.text != nil
		return e
	}
}

// replace checks how long the result is before it is made: it may be as long as both texts multiplied.
func (c *compiler) replace(k *call) *expr {
	s, old, replacement := c.textArgument(k, 0), c.textArgument(k, 1), c.textArgument(k, 2)
	if s == nil || old == nil || replacement == nil {
		return nil
	}
	return textExpr(k.at, func(f *frame) string {
		in, from, to := s(f), old(f), replacement(f)
		if !f.spend(k.at, strings.Count(in, from)*len(to)) {
			return ""
		}
		return strings.ReplaceAll(in, from, to)
	})
}
