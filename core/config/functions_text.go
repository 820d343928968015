package config

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// textFunc is a function of strings. A null argument is an error, as for the functions of go-cty.
func textFunc(result cty.Type, params []string, f func(args []string) (cty.Value, error)) function.Function {
	spec := &function.Spec{Type: function.StaticReturnType(result)}
	for _, name := range params {
		spec.Params = append(spec.Params, function.Parameter{Name: name, Type: cty.String})
	}
	spec.Impl = func(values []cty.Value, _ cty.Type) (cty.Value, error) {
		args := make([]string, len(values))
		for i, v := range values {
			args[i] = v.AsString()
		}
		return f(args)
	}
	return function.New(spec)
}

var startsWithFunc = textFunc(cty.Bool, []string{"s", "prefix"}, func(a []string) (cty.Value, error) {
	return cty.BoolVal(strings.HasPrefix(a[0], a[1])), nil
})

var endsWithFunc = textFunc(cty.Bool, []string{"s", "suffix"}, func(a []string) (cty.Value, error) {
	return cty.BoolVal(strings.HasSuffix(a[0], a[1])), nil
})

var matchesFunc = textFunc(cty.Bool, []string{"pattern", "s"}, func(a []string) (cty.Value, error) {
	re, err := CompilePattern(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	return cty.BoolVal(re.MatchString(a[1])), nil
})

var globFunc = textFunc(cty.Bool, []string{"pattern", "s"}, func(a []string) (cty.Value, error) {
	re, err := CompileGlob(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	return cty.BoolVal(re.MatchString(a[1])), nil
})

var cidrContainsFunc = textFunc(cty.Bool, []string{"prefix", "ip"}, func(a []string) (cty.Value, error) {
	prefix, err := netip.ParsePrefix(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, `not a prefix such as "10.0.0.0/8"`)
	}
	ip, err := netip.ParseAddr(a[1])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(1, "not an IP address")
	}
	return cty.BoolVal(prefix.Contains(ip.Unmap().WithZone(""))), nil
})

var timeCmpFunc = textFunc(cty.Number, []string{"a", "b"}, func(a []string) (cty.Value, error) {
	var times [2]time.Time
	for i := range times {
		t, err := time.Parse(time.RFC3339, a[i])
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(i, `not an RFC 3339 time such as "2026-01-02T15:04:05Z"`)
		}
		times[i] = t
	}
	return cty.NumberIntVal(int64(times[0].Compare(times[1]))), nil
})

var durationFunc = textFunc(cty.Number, []string{"s"}, func(a []string) (cty.Value, error) {
	d, err := ParseDuration(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	return cty.NumberFloatVal(d.Seconds()), nil
})

var base64EncodeFunc = textFunc(cty.String, []string{"s"}, func(a []string) (cty.Value, error) {
	return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(a[0]))), nil
})

var base64DecodeFunc = textFunc(cty.String, []string{"s"}, func(a []string) (cty.Value, error) {
	b, err := base64.StdEncoding.DecodeString(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "not standard base64")
	}
	if !utf8.Valid(b) {
		return cty.NilVal, function.NewArgErrorf(0, "the decoded text is not UTF-8")
	}
	return cty.StringVal(string(b)), nil
})

var sha256Func = textFunc(cty.String, []string{"s"}, func(a []string) (cty.Value, error) {
	sum := sha256.Sum256([]byte(a[0]))
	return cty.StringVal(hex.EncodeToString(sum[:])), nil
})

var urlEncodeFunc = textFunc(cty.String, []string{"s"}, func(a []string) (cty.Value, error) {
	return cty.StringVal(url.QueryEscape(a[0])), nil
})

const maxPatternBytes = 1 << 10

var errPatternTooLong = errors.New("a pattern may have at most 1 KiB")

// CompilePattern compiles the pattern of matches(). RE2 runs in time linear in its input, so a pattern can be bad but not
// catastrophic.
func CompilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPatternBytes {
		return nil, errPatternTooLong
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("not a regular expression (RE2): %w", err)
	}
	return re, nil
}

// CompileGlob compiles the pattern of glob() to a regular expression over the whole string.
func CompileGlob(pattern string) (*regexp.Regexp, error) {
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
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, fmt.Errorf("not a glob pattern: %w", err)
	}
	return re, nil
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
