package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// read turns a value into what encoding/json makes of it.
func (d *Document) read(n Node) any {
	switch d.Kind(n) {
	case Bool:
		return d.Raw(n) == "true"
	case Number:
		return json.Number(d.Raw(n))
	case String:
		return d.Text(n)
	case Array:
		out := []any{}
		for e := range d.Elements(n) {
			out = append(out, d.read(e))
		}
		return out
	case Object:
		out := map[string]any{}
		for name, v := range d.Members(n) {
			out[d.Text(name)] = d.read(v)
		}
		return out
	}
	return nil
}

func standard(t *testing.T, text string) any {
	t.Helper()
	r := json.NewDecoder(bytes.NewReader([]byte(strings.TrimPrefix(text, "\ufeff"))))
	r.UseNumber()
	var v any
	if err := r.Decode(&v); err != nil {
		t.Fatalf("encoding/json refuses %q: %v", text, err)
	}
	return v
}

var good = []string{
	`"\ud83d\uDE00 \u00e9\b\f\n\r\t\/\\\"\u0000"`, `{"\ud83d\ude00":1}`, `["\\u0041","a\\"]`,
	`null`, ` true `, `false`, `"x"`, `""`, `-0`, `[]`, `{}`, "\t{ \"a\" : \"x\\u00e9\\n\" ,\"\\u0062\":-0.5E+1,\r\n\"c\":[1,{\"d\":[]},\"]\"],\"\":0} ",
	`{"id":18446744073709551615,"big":123456789012345678901234567890}`, `"\ud83d\ude00"`, `{"a":{"b":1},"b":{"b":1}}`,
	"\ufeff{\"a\":1}", "\ufeff 1", strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("9", 150), "1" + strings.Repeat("0", 300), "0e9", "1e308", "1.7976931348623157e308", "1e-999",
}

func TestParse(t *testing.T) {
	var d Document
	for _, text := range good {
		if err := d.Parse(text); err != nil {
			t.Errorf("Parse(%.60q): %v", text, err)
			continue
		}
		if got, want := d.read(Root), standard(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("%.60q:\n got %#v\nwant %#v", text, got, want)
		}
	}
}

func TestParseFails(t *testing.T) {
	many := func(last string) string {
		var b strings.Builder
		for i := range 40 {
			b.WriteString(`"` + strings.Repeat("n", i+1) + `":0,`)
		}
		return "{" + b.String() + `"` + last + `":0}`
	}
	tests := []struct {
		text, reason string
		offset       int
	}{
		{"", NotJSON, 0},
		{"  ", NotJSON, 2},
		{"\ufeff", NotJSON, 3},
		{"\ufeff\ufeff1", NotJSON, 3},
		{"1\ufeff", NotJSON, 1},
		{`{"a":1,}`, NotJSON, 7},
		{`[1,]`, NotJSON, 3},
		{`{"a" 1}`, NotJSON, 5},
		{`{a:1}`, NotJSON, 1},
		{`[1 2]`, NotJSON, 3},
		{`[] []`, NotJSON, 3},
		{`01`, NotJSON, 1},
		{`-`, NotJSON, 1},
		{`1.`, NotJSON, 2},
		{`1e`, NotJSON, 2},
		{`+1`, NotJSON, 0},
		{`NaN`, NotJSON, 0},
		{`nul`, NotJSON, 0},
		{`"\x"`, NotJSON, 2},
		{`"\u12g4"`, NotJSON, 2},
		{"\"\t\"", NotJSON, 1},
		{`"abc`, NotJSON, 4},
		{"[1\f]", NotJSON, 2},
		{"\"a\xff\"", InvalidUTF8, 2},
		{`"\udc00"`, InvalidUTF8, 6},
		{`"\ud800x"`, InvalidUTF8, 6},
		{`"\ud800\u0041"`, InvalidUTF8, 6},
		{`"\ud800`, InvalidUTF8, 6},
		{`{"a":1,"\u0061":2}`, DuplicateKey, 7},
		{`[{"b":{"a":1,"a":1}}]`, DuplicateKey, 13},
		{many("nnn"), DuplicateKey, len(many("nnn")) - 8},
		{strings.Repeat("[", 65), TooDeep, 64},
		{"1e10000000", NumberRange, 0},
		{"[1e99999999]", NumberRange, 1},
		{"-1e-99999999", NumberRange, 0},
		{"1e99999999999999999999", NumberRange, 0},
		{"0e99999999999999999999", NumberRange, 0},
		{"1e309", NumberRange, 0},
		{"1.8e308", NumberRange, 0},
		{"1" + strings.Repeat("0", 309), NumberRange, 0},
		{strings.Repeat("9", 151), NumberRange, 0},
		{"0." + strings.Repeat("9", 151), NumberRange, 0},
		{"0." + strings.Repeat("0", 1000) + "1", NumberRange, 0},
	}
	for _, tt := range tests {
		var d Document
		err := d.Parse(tt.text)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Reason != tt.reason || e.Offset != tt.offset {
			t.Errorf("Parse(%.60q): %v (%+v), want %s at byte %d", tt.text, err, e, tt.reason, tt.offset)
		}
	}
	if err := new(Document).Parse(many("x")); err != nil {
		t.Errorf("many names, all different: %v", err)
	}
}

// TestErrorsKeepSecrets: an error is logged and answered, so it may hold nothing of the text.
func TestErrorsKeepSecrets(t *testing.T) {
	const secret = "s3cret"
	for _, text := range []string{secret, `"` + secret, `{"` + secret + `":1,"` + secret + `":2}`, `["` + secret + `" 1]`, `"` + secret + "\xff" + `"`} {
		err := new(Document).Parse(text)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Parse(%q): %v", text, err)
		}
	}
}

// FuzzParse holds Parse against encoding/json: what Parse accepts, both read as the same.
func FuzzParse(f *testing.F) {
	for _, text := range good {
		f.Add(text)
	}
	for _, text := range []string{`{"a":1,"\u0061":2}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{"a":01}`, "1e999", strings.Repeat("[", 70)} {
		f.Add(text)
	}
	var d Document
	f.Fuzz(func(t *testing.T, text string) {
		err := d.Parse(text)
		if err == nil {
			if got, want := d.read(Root), standard(t, text); !reflect.DeepEqual(got, want) {
				t.Fatalf("got %#v, encoding/json has %#v", got, want)
			}
			return
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Offset < 0 || e.Offset > len(text) {
			t.Fatalf("error %T %+v", err, err)
		}
		if e.Reason == NotJSON && json.Valid([]byte(strings.TrimPrefix(text, "\ufeff"))) {
			t.Fatalf("%v, but encoding/json reads it", err)
		}
	})
}

const s3Event = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-11-22T10:00:00.000Z","eventName":"ObjectCreated:Put",` +
	`"userIdentity":{"principalId":"AWS:AIDA"},"requestParameters":{"sourceIPAddress":"10.0.0.1"},"s3":{"s3SchemaVersion":"1.0","configurationId":"x","bucket":{"name":"photos",` +
	`"ownerIdentity":{"principalId":"A3"},"arn":"arn:aws:s3:::photos"},"object":{"key":"2026%2Fx.jpg","size":1024,"eTag":"d41d8cd98f00b204e9800998ecf8427e","sequencer":"0055AED6DCD90281E5"}}}]}`

// TestParseAllocatesNothing: a document that has read a text of the size before needs no memory.
func TestParseAllocatesNothing(t *testing.T) {
	var d Document
	n := testing.AllocsPerRun(100, func() {
		if err := d.Parse(s3Event); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	var d Document
	b.SetBytes(int64(len(s3Event)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Parse(s3Event); err != nil {
			b.Fatal(err)
		}
	}
}
