package rule

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pointsman/pointsman/core/jsondoc"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

const jsonRules = `
rule "whole" {
  on   = ["chat"]
  when = event.data.body != null || event.data.body == null
  dispatch "all" { any = [event.data.body] }
}
rule "lookups" {
  on   = ["chat"]
  when = true
  dispatch "all" { any = [event.data.body.a, event.data.body["b"].c, event.data.body[0], event.data.body.a[1].b, get(event.data.body, "l.0.x")] }
}
rule "rebuilt" {
  on   = ["chat"]
  when = event.data.body == event.data.body && length(jsonencode(event.data.body)) > 0
  dispatch "all" { any = [for v in event.data.body[*] : v] }
}
rule "elements" {
  on   = ["chat"]
  when = true
  dispatch "all" { any = { for k, v in event.data.body : "${k}" => v } }
}
`

// FuzzMatchJSON gives rules any text as the free content of an event. encoding/json is the oracle.
func FuzzMatchJSON(f *testing.F) {
	set := setOf(f, jsonRules)
	for _, seed := range []string{
		"", " ", "null", "true", "-0", "1e400", "0.1e-7", "01", "-", "1.", `"\ud83d\ude00"`, `"\ud83d"`, `"\x"`, "\"\xff\"", "\"\x01\"",
		`{"a":[1,{"b":2}],"b":{"c":null},"l":[{"x":"y"}]}`, `{"a":1,"a":2,"\u0061":3}`, `[[[[1,2],3],4]`, `{"a":1,}`, `[1,]`, `{"a" 1}`, `{1:2}`, "[] []", "\ufeff{}",
		`{"a":{"a":{"a":"\"\\\/\b\f\n\r\t"}}}`, strings.Repeat("[", 2000), " [ 9007199254740993 , 123456789012345678901234567890 ] ",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		env := &pointsmanv1.Envelope{Id: "1", Source: "chat", Kind: "websocket", Data: &pointsmanv1.Envelope_Websocket{
			Websocket: &pointsmanv1.WebSocketMessage{Body: &pointsmanv1.Json{Text: text}},
		}}
		deliveries := set.Match(env)
		if len(deliveries) != 4 {
			t.Fatalf("%d deliveries", len(deliveries))
		}
		for _, d := range deliveries {
			if d.Err == nil && (!json.Valid(d.Arguments) || !utf8.Valid(d.Arguments)) {
				t.Fatalf("arguments are not JSON: %q", d.Arguments)
			}
		}
		checkJSON(t, text, deliveries)
	})
}

// checkJSON: core/jsondoc decides what is JSON, and its fuzz test holds that against encoding/json.
func checkJSON(t *testing.T, text []byte, deliveries []Delivery) {
	valid := len(text) == 0 || new(jsondoc.Document).Parse(string(text)) == nil
	for _, d := range deliveries[:3] {
		if valid != (d.Err == nil) {
			t.Fatalf("valid: %t, but %s: %v", valid, d.Rule, d.Err)
		}
	}
	if !valid || len(text) == 0 {
		return
	}
	want := decode(t, bytes.TrimPrefix(text, []byte("\ufeff")))
	compareJSON(t, deliveries[0], []any{want})
	a, _ := jsonMember(want, "a")
	b, _ := jsonMember(want, "b")
	c, _ := jsonMember(b, "c")
	l, _ := jsonMember(want, "l")
	x, _ := jsonMember(element(l, 0), "x")
	ab, _ := jsonMember(element(a, 1), "b")
	compareJSON(t, deliveries[1], []any{a, c, element(want, 0), ab, x})
	switch want := want.(type) {
	case []any:
		compareJSON(t, deliveries[2], want)
	case nil:
		compareJSON(t, deliveries[2], []any{})
	default:
		compareJSON(t, deliveries[2], []any{want})
	}
	if object, ok := want.(map[string]any); ok {
		compareJSON(t, deliveries[3], object)
	}
}

func jsonMember(v any, name string) (any, bool) {
	m, _ := v.(map[string]any)
	found, ok := m[name]
	return found, ok
}

// element is v[i], which finds the member "i" of an object.
func element(v any, i int) any {
	if found, ok := jsonMember(v, strconv.Itoa(i)); ok {
		return found
	}
	if l, _ := v.([]any); i < len(l) {
		return l[i]
	}
	return nil
}

func decode(t *testing.T, text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func compareJSON(t *testing.T, d Delivery, want any) {
	if d.Err != nil {
		t.Fatalf("%s: %v", d.Rule, d.Err)
	}
	got, _ := jsonMember(decode(t, d.Arguments), "any")
	if got, want := plain(got), plain(want); !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %#v\nwant %#v", d.Rule, got, want)
	}
}

// plain makes numbers comparable: 1, 1.0 and 1e0 are the same.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, ok := parseNumber(string(v)); ok {
			return n.String() + " as a number"
		}
		return string(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = plain(v[k])
		}
		return out
	}
	return v
}
