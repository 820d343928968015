package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var secretDocs = []FunctionDoc{
	{
		Signature: "env(name, default?)", Doc: "Reads an environment variable, which must be set if there is no default. Sensitive.", Secret: true,
		Examples: []FunctionExample{{`env("SLACK_TOKEN", "none")`, `"none"`}},
	},
	{
		Signature: "file(path)", Doc: "Reads a file without one newline at its end; a relative path starts at the folder of the configuration file. Sensitive.", Secret: true,
		Examples: []FunctionExample{{`file("token.txt")`, `"hunter2"`}},
	},
	{
		Signature: "file_raw(path)", Doc: "Reads a file unchanged. Sensitive.", Secret: true,
		Examples: []FunctionExample{{`file_raw("token.txt")`, `"hunter2\n"`}},
	},
}

// missingError is why env() or file() has no value.
type missingError struct{ summary, detail string }

func (e *missingError) Error() string { return e.detail }

// secretFunctions are env(), file() and file_raw() as called in a file.
func (l *loader) secretFunctions(filename string) map[string]function.Function {
	dir := filepath.Dir(filename)
	return map[string]function.Function{
		"env":      l.envFunc(),
		"file":     l.fileFunc(dir, oneNewlineLess),
		"file_raw": l.fileFunc(dir, func(b []byte) []byte { return b }),
	}
}

// oneNewlineLess removes one line break at the end, as editors add it, and no more: a secret may end in one.
func oneNewlineLess(b []byte) []byte {
	if trimmed, ok := bytes.CutSuffix(b, []byte("\n")); ok {
		return bytes.TrimSuffix(trimmed, []byte("\r"))
	}
	return b
}

func (l *loader) envFunc() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String, AllowUnknown: true}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String, AllowNull: true},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsKnown() {
				return mark(cty.UnknownVal(cty.String)), nil
			}
			name := args[0].AsString()
			if len(args) > 2 {
				return cty.NilVal, &missingError{"Too many arguments", "env takes a name and at most one default."}
			}
			text, ok := l.options.Env(name)
			if ok {
				return secretValue(text, "the environment variable "+name)
			}
			if len(args) == 2 {
				return mark(args[1]), nil
			}
			return l.unavailable(missing{
				argument: name, summary: "Environment variable not set",
				detail: fmt.Sprintf("%s is not set. Set it, or write env(%q, \"...\") with a value to use instead.", name, name),
			})
		},
	})
}

func (l *loader) fileFunc(dir string, trim func([]byte) []byte) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String, AllowUnknown: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsKnown() {
				return mark(cty.UnknownVal(cty.String)), nil
			}
			path := args[0].AsString()
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			b, err := readLimited(path, maxFileBytes+1)
			switch {
			case notHere(err):
				return l.unavailable(missing{argument: args[0].AsString(), summary: "Cannot read file", detail: fmt.Sprintf("Reading %s: %s.", path, reason(err))})
			case err != nil:
				return cty.NilVal, &missingError{"Cannot read file", fmt.Sprintf("Reading %s: %s.", path, reason(err))}
			}
			if len(b) > maxFileBytes {
				return cty.NilVal, &missingError{"File too large", fmt.Sprintf("%s has more than 1 MiB.", path)}
			}
			return secretValue(string(trim(b)), path)
		},
	})
}

// secretValue marks text as sensitive. It refuses text that a string of HCL cannot hold byte for byte: a secret with other
// bytes is another secret.
func secretValue(text, from string) (cty.Value, error) {
	v := cty.StringVal(text)
	if !utf8.ValidString(text) || v.AsString() != text {
		return cty.NilVal, &missingError{"Value is not plain text", fmt.Sprintf("%s is not UTF-8 in composed form (NFC), so its bytes would change. Encode it, for example in base64.", from)}
	}
	return mark(v), nil
}
