package config

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/pointsman/pointsman/core/golden"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// TestGolden loads each archive of testdata/golden. Its comment may have lines `env NAME=value`, `var name=value` and `offline`; its
// files are the configuration, with what expand replaces; the file "want" is what must come out: diagnostics, and the configuration when it has no
// errors. A new case is a new file, filled in by `UPDATE=1 go test ./core/config -run TestGolden`.
func TestGolden(t *testing.T) {
	golden.Archives(t, "testdata/golden/*.txtar", 45, func(t *testing.T, a *txtar.Archive) []byte {
		for _, f := range a.Files {
			writeFile(t, f.Name, expand(t, f.Data))
		}
		return goldenOutput(t, testOptions(string(a.Comment)))
	})
}

var expansion = regexp.MustCompile(`<<<(\d+|hex) ([^>]*)>>>`)

// expand replaces <<<1000 text>>> by a thousand times the text and <<<hex FFFE>>> by bytes that a text file should not have.
func expand(t *testing.T, data []byte) []byte {
	return expansion.ReplaceAllFunc(data, func(match []byte) []byte {
		m := expansion.FindSubmatch(match)
		if n, err := strconv.Atoi(string(m[1])); err == nil {
			return bytes.Repeat(m[2], n)
		}
		b, err := hex.DecodeString(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

func goldenOutput(t *testing.T, o Options) []byte {
	cfg, diags := Load(t.Context(), []string{"."}, o)
	var b bytes.Buffer
	if err := diags.WriteText(&b, 100, false); err != nil {
		t.Fatal(err)
	}
	if !diags.HasErrors() {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(dump(t, cfg)); err != nil {
			t.Fatal(err)
		}
	}
	for _, secret := range []string{"hunter2", "s3cr3t"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the output shows the secret %q", secret)
		}
	}
	return b.Bytes()
}

func writeFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// testOptions is a world with two kinds of sources and four of plugins.
func testOptions(directives string) Options {
	offline := false
	env, vars := map[string]string{}, map[string]string{}
	for line := range strings.Lines(directives) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, value, _ := strings.Cut(rest, "=")
		switch word {
		case "offline":
			offline = true
		case "env":
			env[name] = value
		case "var":
			vars[name] = value
		}
	}
	return Options{
		Sources:   map[string]*pluginv1.Schema{"intdash": intdashSchema, "websocket": schemaOf(text("path", "/ws", "Path."))},
		Describe:  fakeDescribe,
		Variables: vars,
		Offline:   offline,
		Env:       func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
}

const (
	typeString = pluginv1.Type_TYPE_STRING
	typeList   = pluginv1.Type_TYPE_STRING_LIST
)

var intdashSchema = schemaOf(
	optional("path", typeString, "Path that the source is mounted on."),
	&pluginv1.Attribute{Name: "secrets", Type: typeList, Required: true, Sensitive: true, Doc: "Secrets of the webhook."},
	duration("dedupe_window", "24h", "How long ids are remembered."),
)

var descriptions = map[string]*pluginv1.DescribeResponse{
	"slack": {
		Name: "slack",
		Settings: schemaOf(
			&pluginv1.Attribute{Name: "webhook_url", Type: typeString, Required: true, Sensitive: true, Doc: "URL of the incoming webhook."},
			withDefault("unfurl", pluginv1.Type_TYPE_BOOL, false, "Whether links are shown with a preview."),
			&pluginv1.Attribute{Name: "mode", Type: typeString, OneOf: []string{"plain", "blocks"}, DefaultJson: `"plain"`},
		),
		Arguments: &pluginv1.Schema{
			Attributes: []*pluginv1.Attribute{
				{Name: "text", Type: typeString, Required: true, Doc: "The message."},
				{Name: "channel", Type: typeString},
				{Name: "emoji", Type: typeString, OneOf: []string{"tada", "fire"}},
				{Name: "count", Type: pluginv1.Type_TYPE_NUMBER},
			},
			Blocks: []*pluginv1.Block{
				{Name: "button", Many: true, Schema: schemaOf(
					&pluginv1.Attribute{Name: "label", Type: typeString, Required: true},
					optional("url", typeString, ""),
				)},
				{Name: "thread", Schema: schemaOf(optional("key", typeString, ""))},
			},
		},
	},
	"stats-email": {
		Name: "stats-email",
		Settings: &pluginv1.Schema{
			Attributes: []*pluginv1.Attribute{
				{Name: "from", Type: typeString, Required: true},
				{Name: "headers", Type: pluginv1.Type_TYPE_STRING_MAP},
				{Name: "extra", Type: pluginv1.Type_TYPE_ANY},
			},
			Blocks: []*pluginv1.Block{{Name: "smtp", Required: true, Doc: "The mail server.", Schema: schemaOf(
				&pluginv1.Attribute{Name: "host", Type: typeString, Required: true},
				number("port", 587, "Port."),
				&pluginv1.Attribute{Name: "password", Type: typeString, Sensitive: true},
				duration("timeout", "10s", "Timeout."),
			)}},
		},
		Arguments: schemaOf(&pluginv1.Attribute{Name: "to", Type: typeList, Required: true}),
	},
	"greedy":   {Name: "greedy", Arguments: schemaOf(optional("retry", typeString, ""))},
	"impostor": {Name: "slack"},
	"broken":   {Name: "broken", Settings: schemaOf(withDefault("n", pluginv1.Type_TYPE_NUMBER, "many", ""))},
	"any": {Name: "any", Settings: schemaOf(
		withDefault("x", pluginv1.Type_TYPE_ANY, map[string]any{"a": []int{1}}, ""),
		&pluginv1.Attribute{Name: "tags", Type: typeList, OneOf: []string{"a", "b"}},
	)},
}

func fakeDescribe(_ context.Context, p PluginRef) (*pluginv1.DescribeResponse, error) {
	if d, ok := descriptions[p.Kind]; ok {
		return d, nil
	}
	return nil, errors.New("no such file or directory")
}
