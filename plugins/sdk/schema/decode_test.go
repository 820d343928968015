package schema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

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
