package lsp

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/creachadair/jrpc2"
	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/reference"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	mail = &pluginv1.DescribeResponse{
		Name: "mail", Doc: "Sends mail.",
		Settings: &pluginv1.Schema{
			Attributes: []*pluginv1.Attribute{{Name: "via", Type: pluginv1.Type_TYPE_STRING, OneOf: []string{"smtp", "maildir"}, Doc: "How."}},
			Blocks:     []*pluginv1.Block{{Name: "smtp", Doc: "The server.", Schema: &pluginv1.Schema{Attributes: []*pluginv1.Attribute{{Name: "host", Type: pluginv1.Type_TYPE_STRING, Doc: "Its name."}}}}},
		},
		Arguments: &pluginv1.Schema{Attributes: []*pluginv1.Attribute{{Name: "subject", Type: pluginv1.Type_TYPE_STRING, Doc: "Subject of the mail."}}},
	}
	store = &pluginv1.Schema{Attributes: []*pluginv1.Attribute{
		{Name: "tokens", Type: pluginv1.Type_TYPE_STRING_LIST, Sensitive: true, Doc: "Tokens of senders."},
		{Name: "dialect", Type: pluginv1.Type_TYPE_STRING, OneOf: []string{"aws", "minio"}, Doc: "Dialect to accept."},
	}}
)

// editor is a client of a server over pipes, in a folder of its own.
type editor struct {
	t      *testing.T
	rpc    *jrpc2.Client
	dir    string
	served chan error
	shown  chan diagnosticsParams
}

func newEditor(t *testing.T, files map[string]string) *editor {
	e := &editor{t: t, dir: t.TempDir(), served: make(chan error, 1), shown: make(chan diagnosticsParams, 1000)}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	toServer, fromEditor := io.Pipe()
	toEditor, fromServer := io.Pipe()
	o := Options{
		Model: reference.New(reference.Parts{
			Sources: []reference.SourceKind{{Name: "s3", Doc: "Object stores.", Schema: store}, {Name: "intdash", Doc: "Webhooks.", Schema: store}},
			Plugins: []*pluginv1.DescribeResponse{mail},
		}),
		Check: func(ctx context.Context, files []config.File) (*config.Config, *config.Diagnostics) {
			return config.Load(ctx, []string{"."}, config.Options{
				Files: files, Sources: map[string]*pluginv1.Schema{"s3": store, "intdash": store},
				Describe: func(context.Context, config.PluginRef) (*pluginv1.DescribeResponse, error) { return mail, nil },
			})
		},
	}
	go func() { e.served <- Serve(t.Context(), toServer, fromServer, o) }()
	e.rpc = jrpc2.NewClient(newFrames(toEditor, fromEditor), &jrpc2.ClientOptions{OnNotify: func(r *jrpc2.Request) {
		var p diagnosticsParams
		if err := r.UnmarshalParams(&p); err != nil {
			t.Error(err)
		}
		e.shown <- p
	}})
	t.Cleanup(func() {
		_ = e.rpc.Close()
		if err := <-e.served; err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	var answer initializeResult
	e.call("initialize", map[string]any{"capabilities": map[string]any{}, "rootUri": uriOf(e.dir)}, &answer)
	if answer.ServerInfo.Name != "pointsman" || answer.Capabilities.TextDocumentSync != 1 {
		t.Errorf("initialize: %+v", answer)
	}
	e.notify("initialized", map[string]any{})
	return e
}

func (e *editor) call(method string, params, into any) {
	e.t.Helper()
	if err := e.rpc.CallResult(e.t.Context(), method, params, into); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

func (e *editor) notify(method string, params any) {
	e.t.Helper()
	if err := e.rpc.Notify(e.t.Context(), method, params); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

func (e *editor) uri(name string) string { return uriOf(filepath.Join(e.dir, name)) }

func (e *editor) openFile(name, text string) {
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": e.uri(name), "languageId": "pointsman", "version": 1, "text": text}})
}

func (e *editor) change(name, text string) {
	e.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": e.uri(name), "version": 2}, "contentChanges": []any{map[string]any{"text": text}}})
}

// at opens text, in which | is the cursor, and returns the place.
func (e *editor) at(text string) positionParams {
	e.t.Helper()
	return e.in("main.hcl", text)
}

// in is the same in a file of another name.
func (e *editor) in(name, text string) positionParams {
	e.t.Helper()
	before, after, found := strings.Cut(text, "|")
	if !found {
		e.t.Fatalf("no cursor in %q", text)
	}
	e.openFile(name, before+after)
	d := newDocument("", []byte(before+after))
	return positionParams{TextDocument: documentID{e.uri(name)}, Position: d.position(len(before))}
}

func (e *editor) labels(text string) []string {
	var list completionList
	e.call("textDocument/completion", e.at(text), &list)
	names := []string{}
	for _, item := range list.Items {
		names = append(names, item.Label)
	}
	return names
}

// base is a second file of the configuration.
const base = `
source "s3" "store" {}
source "intdash" "lab" {}
plugin "mail" "ops" {}
variable "channel" {
  default     = "x"
  description = "Where messages go."
}
locals {
  limit = 10
}
`

func TestCompletion(t *testing.T) {
	e := newEditor(t, map[string]string{"base.hcl": base})
	for _, tt := range []struct{ name, text, want, not string }{
		{"blocks of a file", "|", "rule source plugin locals", "dispatch event"},
		{"a block that is written", "server {}\n|", "rule", "server"},
		{"kinds of sources", `source "|"`, "s3 intdash", "mail"},
		{"kinds of plugins", `plugin "|" "x" {}`, "mail", "s3"},
		{"attributes of a kind of source", "source \"s3\" \"x\" {\n  |\n}", "tokens dialect sensitive", "path when"},
		{"an attribute that is written", "source \"s3\" \"x\" {\n  dialect = \"aws\"\n  |\n}", "tokens", "dialect"},
		{"one of some values", "source \"s3\" \"x\" {\n  dialect = \"|\"\n}", "aws minio", "event tokens"},
		{"settings of a plugin", "plugin \"mail\" \"x\" {\n  settings {\n    |\n  }\n}", "via smtp", "subject rate"},
		{"a block of settings", "plugin \"mail\" \"x\" {\n  settings {\n    smtp {\n      h|\n    }\n  }\n}", "host", "via"},
		{"attributes of a rule", "rule \"r\" {\n  |\n}", "on when dispatch for_each", "tokens"},
		{"sources", `rule "r" { on = ["|"] }`, "store lab", "ops"},
		{"plugins", "rule \"r\" {\n  dispatch \"|\" {}\n}", "ops", "store"},
		{"arguments", "rule \"r\" {\n  dispatch \"ops\" {\n    |\n  }\n}", "subject order_by retry", "via when"},
		{"names in a condition", "rule \"r\" {\n  on = [\"store\"]\n  when = |\n}", "event var local startswith true mb", "env each rule"},
		{"a name that is begun", "rule \"r\" {\n  on = [\"store\"]\n  when = true && start|\n}", "startswith", ""},
		{"fields", "rule \"r\" {\n  on = [\"store\"]\n  when = event.|\n}", "data type subject", "startswith bucket"},
		{"fields of a kind", "rule \"r\" {\n  on = [\"store\"]\n  when = event.data.|\n}", "object event_name", "measurement_uuid type"},
		{"fields of an object", "rule \"r\" {\n  on = [\"store\"]\n  when = event.data.object.si|\n}", "size key", "region"},
		{"fields that all sources have", "rule \"r\" {\n  on = [\"store\", \"lab\"]\n  when = event.data.|\n}", "", "object action"},
		{"fields in a template", "rule \"r\" {\n  on = [\"lab\"]\n  dispatch \"ops\" {\n    subject = \"a ${event.data.|} b\"\n  }\n}", "measurement_uuid action", "object"},
		{"text beside a template", "rule \"r\" {\n  on = [\"lab\"]\n  dispatch \"ops\" {\n    subject = \"a ${event.id} b|\"\n  }\n}", "", "event startswith"},
		{"variables", "locals {\n  x = var.|\n}", "channel", "limit"},
		{"locals", "rule \"r\" {\n  when = event.data.size > local.|\n}", "limit x", "channel"},
		{"no event before one", "locals {\n  x = |\n}", "var env", "event"},
		{"each", "rule \"r\" {\n  for_each = [\"a\"]\n  when = each.|\n}", "key value", "event"},
		{"a comment", "# rule |", "", "rule event"},
		{"the header of a block", "rule| \"r\" {}", "", "rule when"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e.t = t
			got := e.labels(tt.text + "\nlocals {\n  x = 1\n}\n")
			for want := range strings.FieldsSeq(tt.want) {
				if !slices.Contains(got, want) {
					t.Errorf("%q is not offered: %q", want, got)
				}
			}
			for not := range strings.FieldsSeq(tt.not) {
				if slices.Contains(got, not) {
					t.Errorf("%q is offered: %q", not, got)
				}
			}
		})
	}
}

// Files of tests have blocks of their own, and name the rules, plugins and sources of the folder.
func TestFilesOfTests(t *testing.T) {
	e := newEditor(t, map[string]string{"base.hcl": base, "rules.hcl": "rule \"big\" {\n  when = true\n}\n"})
	for _, tt := range []struct{ text, want, not string }{
		{"|", "test variables", "rule source"},
		{"test \"t\" {\n  |\n}", "event expect expect_deliveries", "test dispatch"},
		{"test \"t\" {\n  event {\n    |\n  }\n}", "body data source", "rule"},
		{"test \"t\" {\n  event {\n    source = \"|\"\n  }\n}", "store lab", "ops big"},
		{"test \"t\" {\n  expect {\n    rule = \"|\"\n  }\n}", "big", "ops store"},
		{"test \"t\" {\n  expect {\n    plugin = \"|\"\n  }\n}", "ops", "big"},
		{"test \"t\" {\n  expect {\n    error = \"|\"\n  }\n}", "", "ops big store"},
	} {
		var list completionList
		e.call("textDocument/completion", e.in("a.test.hcl", tt.text), &list)
		var got []string
		for _, item := range list.Items {
			got = append(got, item.Label)
		}
		for want := range strings.FieldsSeq(tt.want) {
			if !slices.Contains(got, want) {
				t.Errorf("%q: %q is not offered: %q", tt.text, want, got)
			}
		}
		for not := range strings.FieldsSeq(tt.not) {
			if slices.Contains(got, not) {
				t.Errorf("%q: %q is offered: %q", tt.text, not, got)
			}
		}
	}
	var doc *hover
	e.call("textDocument/hover", e.in("a.test.hcl", "test \"t\" {\n  ev|ent {}\n}"), &doc)
	if doc == nil || !strings.Contains(doc.Contents.Value, "An event for the rules.") {
		t.Errorf("hover: %+v", doc)
	}
	var at *location
	e.call("textDocument/definition", e.in("a.test.hcl", "test \"t\" {\n  expect {\n    rule = \"b|ig\"\n  }\n}"), &at)
	if at == nil || at.URI != e.uri("rules.hcl") || at.Range.Start != (position{0, 6}) {
		t.Errorf("definition: %+v", at)
	}
}

// Accepting an offer replaces what is typed of the last part of the name, and nothing else.
func TestCompletionReplacesTheName(t *testing.T) {
	e := newEditor(t, map[string]string{"base.hcl": base})
	var list completionList
	e.call("textDocument/completion", e.at("rule \"\U0001F682\" {\n  on = [\"store\"]\n  when = \"\U0001F682\" == event.data.object.si|ze\n}\n"), &list)
	for _, item := range list.Items {
		if item.Label != "size" {
			continue
		}
		want := textEdit{Range: textRange{position{2, 35}, position{2, 39}}, NewText: "size"}
		if *item.TextEdit != want {
			t.Errorf("got %+v, want %+v", *item.TextEdit, want)
		}
		return
	}
	t.Error("size is not offered")
}

func TestHover(t *testing.T) {
	e := newEditor(t, map[string]string{"base.hcl": base})
	for _, tt := range []struct{ name, text, want string }{
		{"block", "ru|le \"r\" {}", "What an event of some sources causes"},
		{"attribute", "rule \"r\" {\n  wh|en = true\n}", "`when`, bool, required\n\nCondition on the event."},
		{"attribute of a kind", "source \"s3\" \"x\" {\n  dia|lect = \"aws\"\n}", "One of `aws`, `minio`."},
		{"argument", "rule \"r\" {\n  dispatch \"ops\" {\n    sub|ject = 1\n  }\n}", "Subject of the mail."},
		{"kind", "source \"s|3\" \"x\" {}", "Object stores."},
		{"plugin", "rule \"r\" {\n  dispatch \"o|ps\" {}\n}", "Sends mail."},
		{"field", "rule \"r\" {\n  on = [\"store\"]\n  when = event.data.object.si|ze > 1\n}", "`event.data.object.size`, number\n\nSize in bytes."},
		{"field in the middle", "rule \"r\" {\n  on = [\"store\"]\n  when = event.data.obj|ect.size > 1\n}", "`event.data.object`, object"},
		{"function", "rule \"r\" {\n  when = starts|with(event.id, \"x\")\n}", "`startswith(s, prefix)`, bool"},
		{"variable", "locals {\n  x = var.chan|nel\n}", "Where messages go."},
		{"unit", "locals {\n  x = 10 * m|b\n}", "1,048,576"},
		{"text", "locals {\n  x = \"ev|ent\"\n}", ""},
		{"nothing", "locals {\n  x = | 1\n}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e.t = t
			var got *hover
			e.call("textDocument/hover", e.at(tt.text), &got)
			if got == nil {
				got = &hover{}
			}
			if !strings.Contains(got.Contents.Value, tt.want) || tt.want == "" && got.Contents.Value != "" {
				t.Errorf("got %q, want %q in it", got.Contents.Value, tt.want)
			}
		})
	}
}

func TestDefinition(t *testing.T) {
	e := newEditor(t, map[string]string{"base.hcl": base})
	for _, tt := range []struct {
		name, text, file string
		line             int
	}{
		{"local", "rule \"r\" {\n  when = event.data.size > local.li|mit\n}", "base.hcl", 9},
		{"variable", "locals {\n  x = upper(\"${var.channel|}\")\n}", "base.hcl", 4},
		{"source", "rule \"r\" {\n  on = [\"lab\", \"st|ore\"]\n}", "base.hcl", 1},
		{"plugin", "rule \"r\" {\n  dispatch \"op|s\" {}\n}", "base.hcl", 3},
		{"each", "rule \"r\" {\n  for_each = [\"a\"]\n  when = each.va|lue == \"a\"\n}", "main.hcl", 1},
		{"unknown", "locals {\n  x = var.no|ne\n}", "", 0},
		{"a function", "locals {\n  x = upp|er(\"a\")\n}", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e.t = t
			var got *location
			e.call("textDocument/definition", e.at(tt.text), &got)
			switch {
			case got == nil && tt.file == "":
			case got == nil || got.URI != e.uri(tt.file) || got.Range.Start.Line != tt.line:
				t.Errorf("got %+v, want line %d of %s", got, tt.line, tt.file)
			}
		})
	}
}

// until waits for the diagnostics of a file that satisfy ok.
func (e *editor) until(name string, ok func([]diagnostic) bool) {
	e.t.Helper()
	var last []diagnostic
	for {
		select {
		case p := <-e.shown:
			if p.URI != e.uri(name) {
				continue
			}
			if last = p.Diagnostics; ok(last) {
				return
			}
		case <-e.t.Context().Done():
			e.t.Fatalf("the last diagnostics of %s: %+v", name, last)
		}
	}
}

func says(text string) func([]diagnostic) bool {
	return func(list []diagnostic) bool {
		return slices.ContainsFunc(list, func(d diagnostic) bool { return strings.Contains(d.Message, text) })
	}
}

func none(list []diagnostic) bool { return len(list) == 0 }

func TestDiagnostics(t *testing.T) {
	const rule = "rule \"r\" {\n  on   = [\"store\"]\n  when = true\n\n  dispatch \"ops\" {}\n}\n"
	e := newEditor(t, map[string]string{"base.hcl": base, "main.hcl": rule})
	e.openFile("main.hcl", rule)
	e.until("main.hcl", none)

	e.change("main.hcl", strings.Replace(rule, `"store"`, `"stroe"`, 1))
	e.until("main.hcl", func(list []diagnostic) bool {
		return says(`Did you mean "store"?`)(list) && list[0].Range == textRange{position{1, 10}, position{1, 17}} && list[0].Severity == 1
	})
	e.change("main.hcl", "rule \"r\" {\n  on = [\n")
	e.until("main.hcl", func(list []diagnostic) bool { return len(list) > 0 })

	// What another file has and is not written yet counts.
	e.change("main.hcl", rule)
	e.openFile("base.hcl", strings.Replace(base, `"ops"`, `"opps"`, 1))
	e.until("main.hcl", says(`There is no plugin "ops"`))
	e.notify("textDocument/didClose", closeParams{TextDocument: documentID{e.uri("base.hcl")}})
	e.until("main.hcl", none)

	// A new file that is on no disk yet is part of the configuration.
	e.openFile("new.hcl", `rule "r" {}`)
	e.until("new.hcl", says("Duplicate rule"))
	e.notify("textDocument/didClose", closeParams{TextDocument: documentID{e.uri("new.hcl")}})
	e.until("new.hcl", none)
}

// The server ends when the editor says so, and when it goes away.
func TestEnd(t *testing.T) {
	e := newEditor(t, nil)
	var answer json.RawMessage
	e.call("shutdown", nil, &answer)
	if string(answer) != "null" {
		t.Errorf("shutdown: %s", answer)
	}
	e.notify("exit", nil)
	if err := <-e.served; err != nil {
		t.Errorf("exit: %v", err)
	}
	e.served <- nil
}

func TestFrames(t *testing.T) {
	for _, text := range []string{"Content-Length: 99999999999\r\n\r\n{}", "Content-Length: -1\r\n\r\n", "\r\n{}", "Content-Length: 10\r\n\r\n{}", "x"} {
		if m, err := newFrames(strings.NewReader(text), nil).Recv(); err == nil {
			t.Errorf("%q: got %q", text, m)
		}
	}
	if m, err := newFrames(strings.NewReader("Content-Type: x\r\ncontent-length: 2\r\n\r\n{}"), nil).Recv(); err != nil || string(m) != "{}" {
		t.Errorf("got %q, %v", m, err)
	}
}
