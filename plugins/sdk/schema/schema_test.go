package schema_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

type mode string

type Common struct {
	Region string `pointsman:"region,default=eu-1" doc:"Where."`
}

type server struct {
	Host string        `pointsman:"host,required" doc:"Name or address."`
	Port uint16        `pointsman:"port,default=587" doc:"Port."`
	TLS  bool          `pointsman:"tls,default=true" doc:"Encrypt."`
	Wait time.Duration `pointsman:"wait,default=1m30s" doc:"How long."`
}

type header struct {
	Name  string        `pointsman:"name,required" doc:"Name."`
	Value schema.Secret `pointsman:"value" doc:"Value."`
}

type everything struct {
	Common
	Token   schema.Secret            `pointsman:"token,required" doc:"Token."`
	Tokens  []schema.Secret          `pointsman:"tokens" doc:"Tokens."`
	Headers map[string]schema.Secret `pointsman:"headers" doc:"Headers."`
	Mode    mode                     `pointsman:"mode,default=ok,one_of=ok|retry" doc:"Mode."`
	Modes   []mode                   `pointsman:"modes,one_of=ok|retry" doc:"Modes."`
	To      []string                 `pointsman:"to,default=[\"a@x\",\"b@x\"]" doc:"To."`
	Labels  map[string]string        `pointsman:"labels" doc:"Labels."`
	Small   int8                     `pointsman:"small" doc:"Small."`
	Big     int64                    `pointsman:"big" doc:"Big."`
	Ratio   float32                  `pointsman:"ratio,default=0.5" doc:"Ratio."`
	Limit   *int                     `pointsman:"limit" doc:"Limit."`
	Every   *time.Duration           `pointsman:"every" doc:"Every."`
	Raw     json.RawMessage          `pointsman:"raw" doc:"Raw."`
	Any     any                      `pointsman:"any,sensitive" doc:"Any."`
	Text    string                   `pointsman:"text,default=a, b,c" doc:"A default with commas."`
	SMTP    server                   `pointsman:"smtp" doc:"Mail server."`
	Proxy   *server                  `pointsman:"proxy,block" doc:"Proxy."`
	Header  []header                 `pointsman:"header" doc:"Header."`
	Hidden  func()                   `pointsman:"-"`
	private int
}

func TestOf(t *testing.T) {
	got := schema.MustOf(&everything{})
	want := &pluginv1.Schema{}
	if err := protojson.Unmarshal([]byte(everythingSchema), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
	_ = everything{}.private
	if again := schema.MustOf(everything{}); !cmp.Equal(got, again, protocmp.Transform()) || got == again {
		t.Error("Of is not stable, or shares what it returns")
	}
}

const everythingSchema = `{
 "attributes": [
  {"name": "region", "type": "TYPE_STRING", "defaultJson": "\"eu-1\"", "doc": "Where."},
  {"name": "token", "type": "TYPE_STRING", "required": true, "sensitive": true, "doc": "Token."},
  {"name": "tokens", "type": "TYPE_STRING_LIST", "sensitive": true, "doc": "Tokens."},
  {"name": "headers", "type": "TYPE_STRING_MAP", "sensitive": true, "doc": "Headers."},
  {"name": "mode", "type": "TYPE_STRING", "defaultJson": "\"ok\"", "oneOf": ["ok", "retry"], "doc": "Mode."},
  {"name": "modes", "type": "TYPE_STRING_LIST", "oneOf": ["ok", "retry"], "doc": "Modes."},
  {"name": "to", "type": "TYPE_STRING_LIST", "defaultJson": "[\"a@x\",\"b@x\"]", "doc": "To."},
  {"name": "labels", "type": "TYPE_STRING_MAP", "doc": "Labels."},
  {"name": "small", "type": "TYPE_NUMBER", "doc": "Small."},
  {"name": "big", "type": "TYPE_NUMBER", "doc": "Big."},
  {"name": "ratio", "type": "TYPE_NUMBER", "defaultJson": "0.5", "doc": "Ratio."},
  {"name": "limit", "type": "TYPE_NUMBER", "doc": "Limit."},
  {"name": "every", "type": "TYPE_DURATION", "doc": "Every."},
  {"name": "raw", "type": "TYPE_ANY", "doc": "Raw."},
  {"name": "any", "type": "TYPE_ANY", "sensitive": true, "doc": "Any."},
  {"name": "text", "type": "TYPE_STRING", "defaultJson": "\"a, b,c\"", "doc": "A default with commas."}
 ],
 "blocks": [
  {"name": "smtp", "doc": "Mail server.", "schema": ` + serverSchema + `},
  {"name": "proxy", "doc": "Proxy.", "schema": ` + serverSchema + `},
  {"name": "header", "doc": "Header.", "many": true, "schema": {"attributes": [
    {"name": "name", "type": "TYPE_STRING", "required": true, "doc": "Name."},
    {"name": "value", "type": "TYPE_STRING", "sensitive": true, "doc": "Value."}]}}
 ]}`

const serverSchema = `{"attributes": [
  {"name": "host", "type": "TYPE_STRING", "required": true, "doc": "Name or address."},
  {"name": "port", "type": "TYPE_NUMBER", "defaultJson": "587", "doc": "Port."},
  {"name": "tls", "type": "TYPE_BOOL", "defaultJson": "true", "doc": "Encrypt."},
  {"name": "wait", "type": "TYPE_DURATION", "defaultJson": "\"1m30s\"", "doc": "How long."}]}`

func TestOfMistakes(t *testing.T) {
	type self struct {
		Inner []self `pointsman:"inner"`
	}
	tests := []struct {
		v    any
		want string
	}{
		{nil, "want a struct"},
		{"x", "want a struct"},
		{struct{ A string }{}, "field A: has no tag"},
		{struct {
			A string `pointsman:"A"`
		}{}, "lower-case"},
		{struct {
			A string `pointsman:"a,requierd"`
		}{}, `unknown option "requierd"`},
		{struct {
			A string `pointsman:"a,required,default=x"`
		}{}, "one or the other"},
		{struct {
			A string `pointsman:"a"`
			B string `pointsman:"a"`
		}{}, `"a" is taken`},
		{struct {
			A int `pointsman:"a,default=x"`
		}{}, `default "x" is not JSON`},
		{struct {
			A int8 `pointsman:"a,default=200"`
		}{}, "default: want a whole number from -128"},
		{struct {
			A string `pointsman:"a,default=c,one_of=a|b"`
		}{}, "default: want one of a, b"},
		{struct {
			A int `pointsman:"a,one_of=1|2"`
		}{}, "one_of is for strings"},
		{struct {
			A string `pointsman:"a,sensitive"`
		}{}, "schema.Secret"},
		{struct {
			A time.Time `pointsman:"a"`
		}{}, "no fields to write"},
		{struct {
			A chan int `pointsman:"a"`
		}{}, "cannot be an attribute"},
		{struct {
			A []int `pointsman:"a"`
		}{}, "cannot be an attribute"},
		{struct {
			A map[int]string `pointsman:"a"`
		}{}, "cannot be an attribute"},
		{struct {
			A string `pointsman:"a,block"`
		}{}, "is no block"},
		{struct {
			A Common `pointsman:"a,sensitive"`
		}{}, "a block takes no"},
		{self{}, "inside each other"},
	}
	for _, tt := range tests {
		if _, err := schema.Of(tt.v); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%T: got %v, want %q", tt.v, err, tt.want)
		}
	}
}

func TestCheckArguments(t *testing.T) {
	for _, name := range schema.ReservedArguments() {
		a := &pluginv1.Schema{Attributes: []*pluginv1.Attribute{{Name: "text"}, {Name: name}}}
		b := &pluginv1.Schema{Blocks: []*pluginv1.Block{{Name: name}}}
		if schema.CheckArguments(a) == nil || schema.CheckArguments(b) == nil {
			t.Errorf("%s was not refused", name)
		}
	}
	inside := &pluginv1.Schema{Blocks: []*pluginv1.Block{{Name: "http", Schema: &pluginv1.Schema{Attributes: []*pluginv1.Attribute{{Name: "timeout"}}}}}}
	if err := schema.CheckArguments(inside); err != nil {
		t.Errorf("inside a block the name is free: %v", err)
	}
}

func BenchmarkDecode(b *testing.B) {
	type arguments struct {
		Text string        `pointsman:"text,required"`
		Mode string        `pointsman:"mode,default=ok,one_of=ok|retry"`
		Wait time.Duration `pointsman:"wait,default=0s"`
	}
	d, err := schema.NewDecoder(arguments{})
	if err != nil {
		b.Fatal(err)
	}
	data := []byte(`{"text":"Measurement 6f0d1b0e-3c8d-4d7a-9a8c-7f2f4b1e5d90 is complete","mode":"ok","wait":"0s"}`)
	b.ReportAllocs()
	for b.Loop() {
		var a arguments
		if err := d.Decode(data, &a); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSecrets(t *testing.T) {
	data := `{"token":"t1","tokens":["t2","t\u0033"],"headers":{"a":"t4"},"any":{"k":["t5",6]},"text":"open","smtp":{"host":"h"},
		"header":[{"name":"n","value":"t6"},{"value":"t7"}],"unknown":"x"}`
	want := []string{"t1", "t2", "t3", "t4", "t5", "t6", "t7"}
	if diff := cmp.Diff(want, schema.Secrets(schema.MustOf(everything{}), []byte(data))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{``, `{`, `[]`, `null`, `{"header":"x","token":1}`} {
		if got := schema.Secrets(schema.MustOf(everything{}), []byte(bad)); len(got) > 0 {
			t.Errorf("%s: got %v", bad, got)
		}
	}
}
