package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// testObject evaluates an attribute that is an object.
func (l *loader) testObject(attr *hclsyntax.Attribute) (cty.Value, bool) {
	v, ok := l.value(attr.Expr, true)
	if !ok {
		return cty.NilVal, false
	}
	bare, secret := unmark(v)
	switch {
	case secret:
		l.error(attr.Expr.Range(), "Sensitive value in a test", "The value is sensitive, and tests are shown.")
	case bare.IsNull() || !bare.Type().IsObjectType() && !bare.Type().IsMapType():
		l.error(attr.Expr.Range(), "Invalid value", fmt.Sprintf("%q is an object: { name = value }.", attr.Name))
	default:
		return bare, true
	}
	return cty.NilVal, false
}

func (l *loader) testJSON(attr *hclsyntax.Attribute, v cty.Value) []byte {
	b, err := ctyjson.SimpleJSONValue{Value: v}.MarshalJSON()
	if err != nil {
		l.error(attr.Expr.Range(), "Invalid value", fmt.Sprintf("%q cannot be written as JSON: %v.", attr.Name, err))
		return nil
	}
	return b
}

// testBytes is a text, or a file byte by byte if the attribute is only a call of file(). It is nil after an error.
func (l *loader) testBytes(attr *hclsyntax.Attribute) []byte {
	call, ok := attr.Expr.(*hclsyntax.FunctionCallExpr)
	if !ok || len(call.Args) != 1 || call.Name != "file" && call.Name != "file_raw" {
		text, ok := l.testText(attr.Name, attr.Expr)
		if !ok {
			return nil
		}
		return []byte(text)
	}
	path, ok := l.testText(attr.Name, call.Args[0])
	if !ok {
		return nil
	}
	b, err := readTestFile(attr.Expr.Range().Filename, path)
	if missing, ok := errors.AsType[*missingError](err); ok {
		l.error(call.Range(), missing.summary, missing.detail)
		return nil
	}
	if call.Name == "file" {
		b = oneNewlineLess(b)
	}
	return b
}

func (l *loader) testText(name string, expr hclsyntax.Expression) (string, bool) {
	v, ok := l.value(expr, true)
	if !ok {
		return "", false
	}
	bare, secret := unmark(v)
	text, err := convert.Convert(bare, cty.String)
	switch {
	case secret:
		l.error(expr.Range(), "Sensitive value in a test", "The value is sensitive, and tests are shown.")
	case err != nil || text.IsNull():
		l.error(expr.Range(), "Invalid value", fmt.Sprintf("%q must be a string, not %s.", name, describeValue(bare)))
	default:
		return text.AsString(), true
	}
	return "", false
}

// maxTestFileBytes bounds the files that tests read. Bodies of senders have up to 2 MiB, and exports more.
const maxTestFileBytes = 8 << 20

// readTestFile reads a file that a test names; the error is a *missingError.
func readTestFile(from, path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	b, err := readLimited(path, maxTestFileBytes+1)
	if err != nil {
		return nil, &missingError{"Cannot read file", fmt.Sprintf("Reading %s: %s.", path, reason(err))}
	}
	if len(b) > maxTestFileBytes {
		return nil, &missingError{"File too large", fmt.Sprintf("%s has more than 8 MiB.", path)}
	}
	return b, nil
}

func testFileFunc(from string, trim func([]byte) []byte) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			b, err := readTestFile(from, args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			v, err := secretValue(string(trim(b)), args[0].AsString()) // for its check of the text
			bare, _ := unmark(v)
			return bare, err
		},
	})
}

// refuseSecrets reports fields whose values must not be shown.
func (l *loader) refuseSecrets(o *object) {
	for _, name := range slices.Sorted(maps.Keys(o.fields)) {
		if f := o.fields[name]; f.secret {
			l.error(f.rng, "Sensitive value in a test", "The value is sensitive, and tests are shown.")
		}
	}
}

// has reports whether any of the attributes is written.
func (o *object) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return o.fields[name].written })
}

func (o *object) textMap(name string) map[string]string {
	f, ok := o.fields[name]
	if !ok {
		return nil
	}
	m := map[string]string{}
	for key, v := range f.value.AsValueMap() {
		m[key] = v.AsString()
	}
	return m
}

// variableText is a value in the form of Options.Variables.
func variableText(v cty.Value) (string, error) {
	if bare, secret := unmark(v); secret || !bare.IsWhollyKnown() || bare.IsNull() {
		return "", errors.New("must be a string, a number, a bool or a list of strings")
	}
	if text, err := convert.Convert(v, cty.String); err == nil {
		return text.AsString(), nil
	}
	list, err := convert.Convert(v, cty.List(cty.String))
	if err != nil || hasNull(list) {
		return "", errors.New("must be a string, a number, a bool or a list of strings")
	}
	items := []string{}
	for _, item := range list.AsValueSlice() {
		items = append(items, item.AsString())
	}
	text, err := json.Marshal(items)
	return string(text), err
}
