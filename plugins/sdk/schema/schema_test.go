package schema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

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

// defaults is what an everything holds when nothing but the token is written.
func defaults() everything {
	return everything{
		Common: Common{Region: "eu-1"}, Token: schema.NewSecret("t"), Mode: "ok", To: []string{"a@x", "b@x"}, Ratio: 0.5,
		Text: "a, b,c", SMTP: server{Port: 587, TLS: true, Wait: 90 * time.Second},
	}
}

func TestDecode(t *testing.T) {
	limit, every := 0, time.Duration(0)
	tests := []struct {
		name, data string
		want       func(e *everything)
	}{
		{"defaults", `{"token":"t"}`, func(*everything) {}},
		{"null is not written", `{"token":"t","mode":null,"raw":null,"any":null,"limit":null,"smtp":null}`, func(*everything) {}},
		{"space", " { \"token\" :\t\"t\" ,\r\n \"to\" : [ ] , \"labels\" : { } } \n", func(e *everything) { e.To, e.Labels = []string{}, map[string]string{} }},
		{"escapes", `{"token":"t","text":"q\"\\\u00e9\ud83d\ude82","to":["a\nb"]}`, func(e *everything) { e.Text, e.To = "q\"\\\u00e9\U0001F682", []string{"a\nb"} }},
		{"escaped name", `{"\u0074oken":"t"}`, func(*everything) {}},
		{"zero is not absent", `{"token":"t","mode":"retry","text":"","ratio":0,"limit":0,"every":"0s"}`, func(e *everything) {
			e.Mode, e.Text, e.Ratio, e.Limit, e.Every = "retry", "", 0, &limit, &every
		}},
		{"numbers", `{"token":"t","small":-128,"big":9007199254740993,"ratio":1e-3}`, func(e *everything) {
			e.Small, e.Big, e.Ratio = -128, 9007199254740993, 1e-3
		}},
		{"whole numbers in other forms", `{"token":"t","small":3.0,"big":1e3}`, func(e *everything) { e.Small, e.Big = 3, 1000 }},
		{"collections", `{"token":"t","tokens":["a","b"],"headers":{"x y":"s"},"labels":{"a":"b"},"modes":["ok"]}`, func(e *everything) {
			e.Tokens = []schema.Secret{schema.NewSecret("a"), schema.NewSecret("b")}
			e.Headers = map[string]schema.Secret{"x y": schema.NewSecret("s")}
			e.Labels, e.Modes = map[string]string{"a": "b"}, []mode{"ok"}
		}},
		{"any", `{"token":"t","raw":[1,{"a":"}]"}],"any":{"b":[1,"x",null]}}`, func(e *everything) {
			e.Raw, e.Any = json.RawMessage(`[1,{"a":"}]"}]`), map[string]any{"b": []any{1.0, "x", nil}}
		}},
		{"blocks", `{"token":"t","smtp":{"host":"h","port":25},"proxy":{"host":"p","tls":false},"header":[{"name":"a"},{"name":"b","value":"v"}]}`, func(e *everything) {
			e.SMTP.Host, e.SMTP.Port = "h", 25
			e.Proxy = &server{Host: "p", Port: 587, Wait: 90 * time.Second}
			e.Header = []header{{Name: "a"}, {Name: "b", Value: schema.NewSecret("v")}}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := defaults()
			tt.want(&want)
			got := everything{Small: 7, Labels: map[string]string{"old": "content"}}
			if err := schema.Decode(schema.MustOf(got), []byte(tt.data), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(everything{}), cmp.AllowUnexported(server{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeNoData(t *testing.T) {
	var c Common
	if err := schema.Decode(nil, nil, &c); err != nil || c.Region != "eu-1" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestDecodeErrors(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"no JSON", `{"token":`, `not valid JSON at byte 9`},
		{"two values", `{} {}`, `not valid JSON at byte 4`},
		{"no object", `["x"]`, `want an object, got a list`},
		{"null", `null`, `want an object, got null`},
		{"required", `{}`, `token: is required`},
		{"required but null", `{"token":null}`, `token: is required`},
		{"unknown", `{"token":"t","smtp":{"host":"h","prot":1}}`, `smtp.prot: unknown name; known are host, port, tls, wait`},
		{"twice", `{"token":"t","token":"u"}`, `token: is written twice`},
		{"number", `{"token":"t","smtp":{"host":"h","port":"587"}}`, `smtp.port: want a number, got a string`},
		{"range", `{"token":"t","smtp":{"host":"h","port":65536}}`, `smtp.port: want a whole number from 0 to 65535`},
		{"negative", `{"token":"t","smtp":{"host":"h","port":-1}}`, `smtp.port: want a whole number, 0 or more`},
		{"signed range", `{"token":"t","small":128}`, `small: want a whole number from -128 to 127`},
		{"fraction", `{"token":"t","big":1.5}`, `big: want a whole number`},
		{"too large", `{"token":"t","big":9223372036854775808,"ratio":1e99,"any":1e999,"small":1e999}`, `big: is too large; ratio: is too large; any: holds a number that is too large; small: is too large`},
		{"bool", `{"token":"t","smtp":{"host":"h","tls":"yes"}}`, `smtp.tls: want a bool, got a string`},
		{"string", `{"token":1,"text":true}`, `token: want a string, got a number; text: want a string, got a bool`},
		{"duration", `{"token":"t","every":"1 day"}`, `every: want a duration such as "1m30s"`},
		{"duration kind", `{"token":"t","every":30}`, `every: want a duration such as "1m30s", got a number`},
		{"duration below zero", `{"token":"t","every":"-1s"}`, `every: want a duration that is not negative`},
		{"one of", `{"token":"t","mode":"panic","modes":["ok","no"]}`, `mode: want one of ok, retry; modes[1]: want one of ok, retry`},
		{"list", `{"token":"t","to":"a@x","tokens":["a",2]}`, `to: want a list of strings, got a string; tokens[1]: want a string, got a number`},
		{"map", `{"token":"t","labels":[],"headers":{"a":null}}`, `labels: want a map of strings, got a list; headers.a: want a string, got null`},
		{"block", `{"token":"t","smtp":[],"header":{},"proxy":"x"}`, `smtp: want an object, got a list; header: want a list of objects, got an object; proxy: want an object, got a string`},
		{"in a block", `{"token":"t","header":[{"name":"a"},{}],"proxy":{}}`, `header[1].name: is required; proxy.host: is required`},
		{"all at once", `{"nope":1,"small":"x"}`, `nope: unknown name; known are `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var into everything
			err := schema.Decode(nil, []byte(tt.data), &into)
			var e *schema.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a *schema.Error", err)
			}
			if err.Error() != tt.want && tt.name != "all at once" || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
			if tt.name == "all at once" && len(e.Problems) != 3 {
				t.Errorf("got %d problems, want 3: %s", len(e.Problems), err)
			}
		})
	}
}

func TestErrorIsBounded(t *testing.T) {
	var into struct {
		To []string `pointsman:"to"`
	}
	data := `{"to":[` + strings.TrimSuffix(strings.Repeat("1,", 100000), ",") + `],"` + strings.Repeat("x", 1e6) + `":1}`
	if err := schema.Decode(nil, []byte(data), &into); err == nil || len(err.Error()) > 2000 {
		t.Errorf("want a short error, got %d bytes", len(err.Error()))
	}
}

func TestDecodeMisuse(t *testing.T) {
	var c Common
	for name, err := range map[string]error{
		"no pointer":     schema.Decode(nil, []byte(`{}`), c),
		"nil":            schema.Decode(nil, []byte(`{}`), nil),
		"nil pointer":    schema.Decode(nil, []byte(`{}`), (*Common)(nil)),
		"another schema": schema.Decode(schema.MustOf(server{}), []byte(`{}`), &c),
	} {
		var e *schema.Error
		if err == nil || errors.As(err, &e) {
			t.Errorf("%s: got %v, want an error about the call", name, err)
		}
	}
}

func TestRequiredBlock(t *testing.T) {
	type settings struct {
		Mirror []header `pointsman:"mirror,required" doc:"At least one."`
	}
	for _, data := range []string{`{}`, `{"mirror":null}`, `{"mirror":[ ]}`} {
		var s settings
		if err := schema.Decode(nil, []byte(data), &s); err == nil || err.Error() != "mirror: is required" {
			t.Errorf("%s: got %v", data, err)
		}
	}
}

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

// FuzzDecode: no input makes Decode panic, and what it accepts, encoding/json accepts as the same object.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"token":"t"}`, ` {"token":"\u0000\ud800","to":["a","b"],"labels":{"":""}} `, `{"token":"t","raw":[{"a":[1,2,"}"]}],"any":-1.5e-3}`,
		`{"token":"t","smtp":{"host":"h","port":25,"wait":"1h"},"header":[{"name":"a"},{"name":"b","value":"v"}]}`, `{"token":"t","small":1e1}`, `[`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got everything
		before := string(data)
		err := schema.Decode(nil, data, &got)
		if string(data) != before {
			t.Fatal("Decode changed its input")
		}
		if err != nil {
			return
		}
		var oracle struct {
			Token  *string           `json:"token"`
			To     []string          `json:"to"`
			Labels map[string]string `json:"labels"`
			SMTP   *struct {
				Host *string `json:"host"`
			} `json:"smtp"`
		}
		if err := json.Unmarshal(data, &oracle); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if oracle.Token == nil || *oracle.Token != got.Token.Reveal() {
			t.Errorf("token: got %q, want %v", got.Token.Reveal(), oracle.Token)
		}
		if oracle.To != nil && !cmp.Equal(oracle.To, got.To) || !cmp.Equal(oracle.Labels, got.Labels) {
			t.Errorf("got %v %v, want %v %v", got.To, got.Labels, oracle.To, oracle.Labels)
		}
		if oracle.SMTP != nil && *oracle.SMTP.Host != got.SMTP.Host {
			t.Errorf("smtp.host: got %q, want %q", got.SMTP.Host, *oracle.SMTP.Host)
		}
	})
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
