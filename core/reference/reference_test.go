package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

var update = flag.Bool("update", false, "write testdata")

// small has one of everything.
func small() *Model {
	port := Attribute{Name: "port", Type: "number", Doc: "Port to connect to.", Default: "587"}
	return &Model{
		FormatVersion: FormatVersion,
		Types:         []Name{{Name: "string", Doc: `Text in quotes: "a|b".`}},
		Names:         []Name{{Name: "event", Doc: "The event.", PerEvent: true}, {Name: "var.<name>", Doc: "The value of a variable block."}},
		Blocks: []Block{
			{Name: "locals", Doc: "Values with a name.", Many: true, Also: "names"},
			{Name: "rule", Labels: []string{"name"}, Doc: "What an event of some sources causes: if the condition holds, it is delivered to the plugin of each dispatch block.", Many: true, Body: Body{
				Attributes: []Attribute{{Name: "when", Type: "bool", Doc: "Condition on the event.", Required: true, PerEvent: true}},
				Blocks:     []Block{{Name: "dispatch", Labels: []string{"plugin"}, Doc: "A plugin that the event is delivered to.", Required: true, Many: true, Also: "arguments"}},
			}},
		},
		Functions: []Function{
			{
				Name: "join", Family: "Text", Signature: "join(separator, list)", Returns: "string", Doc: "Joins the strings of the list with the separator between them.",
				Parameters: []Parameter{{Name: "separator", Type: "string"}, {Name: "list", Type: "list of string"}},
				Examples:   []Example{{Expression: `join("|", ["a", "b"])`, Result: `"a|b"`}},
			},
			{Name: "cloudevent", Family: "Events", Signature: "cloudevent(event)", Returns: "string", Doc: "The event as a CloudEvent.", PerEvent: true},
			{Name: "env", Family: "Secrets", Signature: "env(name, default?)", Returns: "string", Doc: "Reads an environment variable.", Secret: true},
		},
		Events: &Events{
			Common: []Field{{Path: "event.id", Type: "string", Doc: "Identifies the event."}},
			Data:   []EventData{{Kind: "s3", Doc: "One record.", Fields: []Field{{Path: "event.data.object", Type: "object", Doc: "The object."}, {Path: "event.data.object.size", Type: "number", Doc: "Size in bytes."}}}},
		},
		Sources: []Source{{Kind: "s3", Doc: "Notifications of object stores.", Body: Body{
			Attributes: []Attribute{{Name: "tokens", Type: "list of strings", Doc: "Tokens that senders pass.", Sensitive: true}, {Name: "dialect", Type: "string", Doc: "Dialect to accept.", Default: `"auto"`, OneOf: []string{"auto", "aws"}}},
		}}},
		Plugins: []Plugin{{
			Kind: "mail", Version: "v1.2.3", Doc: "Sends mail.",
			Settings:  Body{Blocks: []Block{{Name: "smtp", Doc: "The server.", Required: true, Body: Body{Attributes: []Attribute{port}}}}},
			Arguments: Body{Attributes: []Attribute{{Name: "to", Type: "list of strings", Doc: "Addresses.", Required: true, PerEvent: true}}},
		}},
		Tests: Body{
			Attributes: []Attribute{{Name: "variables", Type: "any", Doc: "Values of variables."}},
			Blocks: []Block{{Name: "test", Labels: []string{"name"}, Doc: "One test.", Many: true, Body: Body{
				Blocks: []Block{{Name: "expect", Doc: "A delivery that there must be.", Many: true}},
			}}},
		},
	}
}

func TestGolden(t *testing.T) {
	render := map[string]func(*Model, *bytes.Buffer) error{
		"page.txt":       func(m *Model, b *bytes.Buffer) error { return m.WriteText(b, 80) },
		"narrow.txt":     func(m *Model, b *bytes.Buffer) error { return m.WriteText(b, 40) },
		"overview.txt":   func(m *Model, b *bytes.Buffer) error { b.WriteString(m.Overview(80)); return nil },
		"page.md":        func(m *Model, b *bytes.Buffer) error { return m.WriteMarkdown(b) },
		"grammar.json":   func(m *Model, b *bytes.Buffer) error { return m.WriteTextMate(b) },
		"reference.json": func(m *Model, b *bytes.Buffer) error { return writeJSON(b, m) },
		"part-events.json": func(m *Model, b *bytes.Buffer) error {
			part, err := m.Select("events", "s3")
			return errors.Join(err, writeJSON(b, part))
		},
	}
	for name, write := range render {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(small(), &got); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("differs from %s (-want +got):\n%s", file, diff)
			}
		})
	}
}

func writeJSON(b *bytes.Buffer, m *Model) error {
	enc := json.NewEncoder(b)
	enc.SetIndent("", "  ")
	return enc.Encode(m)
}

func TestUnknown(t *testing.T) {
	for _, tt := range []struct{ topic, name, want string }{
		{"functions", "jion", `there is no function "jion": did you mean "join"?`},
		{"blocks", "x", `there is no block "x": known are locals, rule`},
		{"source", "s4", `there is no kind of source "s4": did you mean "s3"?`},
		{"plugin", "male", `there is no kind of plugin "male": known are mail`},
		{"tests", "exspect", `there is no block of a file of tests "exspect": did you mean "expect"?`},
		{"expect", "", `there is no topic "expect": write "pointsman reference tests expect"`},
		{"events", "sms", `there is no kind of event "sms": known are s3`},
		{"function", "", `there is no topic "function": did you mean "functions"?`},
		{"join", "", `there is no topic "join": write "pointsman reference functions join"`},
		{"mail", "", `there is no topic "mail": write "pointsman reference plugin mail"`},
	} {
		_, err := small().Select(tt.topic, tt.name)
		var unknown *UnknownError
		if !errors.As(err, &unknown) || err.Error() != tt.want {
			t.Errorf("%s %s:\ngot  %v\nwant %s", tt.topic, tt.name, err, tt.want)
		}
	}
}

// Nothing in the real model is without a description or with a type that it does not explain.
func TestModelIsDescribed(t *testing.T) {
	m := New(Parts{
		Sources: []SourceKind{{Name: "x", Doc: "A kind.", Schema: &pluginv1.Schema{Attributes: []*pluginv1.Attribute{{Name: "a", Type: pluginv1.Type_TYPE_ANY, Doc: "An attribute."}}}}},
		Plugins: []*pluginv1.DescribeResponse{{Name: "p", Doc: "A plugin.", Arguments: &pluginv1.Schema{Blocks: []*pluginv1.Block{{Name: "b", Doc: "A block."}}}}},
	})
	types := map[string]bool{"object": true}
	for _, name := range append(m.Types, m.Names...) {
		types[name.Name] = true
		check(t, "name "+name.Name, name.Doc)
	}
	checkBody(t, types, "", Body{Blocks: m.Blocks})
	checkBody(t, types, "source x", m.Sources[0].Body)
	checkBody(t, types, "plugin p", m.Plugins[0].Arguments)
	for _, f := range m.Functions {
		check(t, "function "+f.Name, f.Doc)
		if f.Family == "" || f.Returns == "" || len(f.Examples) == 0 {
			t.Errorf("function %s has no family, result or example", f.Name)
		}
		if !strings.HasPrefix(f.Signature, f.Name+"(") {
			t.Errorf("function %s has the signature %s", f.Name, f.Signature)
		}
	}
	if len(m.Events.Data) < 5 || len(m.Events.Common) < 10 {
		t.Errorf("%d kinds of event, %d common fields", len(m.Events.Data), len(m.Events.Common))
	}
	for _, d := range m.Events.Data {
		check(t, "event of kind "+d.Kind, d.Doc)
		for _, f := range append(d.Fields, m.Events.Common...) {
			check(t, f.Path+" of kind "+d.Kind, f.Doc)
			if !types[f.Type] {
				t.Errorf("%s has the unknown type %q", f.Path, f.Type)
			}
		}
	}
}

func checkBody(t *testing.T, types map[string]bool, in string, b Body) {
	t.Helper()
	for _, a := range b.Attributes {
		check(t, in+" attribute "+a.Name, a.Doc)
		if !types[a.Type] {
			t.Errorf("%s attribute %s has the unknown type %q", in, a.Name, a.Type)
		}
	}
	for _, inner := range b.Blocks {
		check(t, in+" block "+inner.Name, inner.Doc)
		checkBody(t, types, in+" "+inner.Name, inner.Body)
	}
}

func check(t *testing.T, what, doc string) {
	t.Helper()
	if doc == "" || !utf8.ValidString(doc) || strings.Contains(doc, "\n") {
		t.Errorf("%s: the doc %q is not a line of text", what, doc)
	}
}

// Pages keep to the width, except for single words.
func TestWidth(t *testing.T) {
	var b bytes.Buffer
	if err := New(Parts{}).WriteText(&b, 80); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}
