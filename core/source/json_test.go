package source

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadObject(t *testing.T) {
	got, err := ReadObject("\t{ \"a\" : \"x\\u00e9\\n\" ,\"\\u0062\":-0.5E+1,\r\n\"c\":[1,{\"d\":[]},\"]\"],\"e\":{ },\"f\":true,\"g\":false,\"h\":null,\"\":0} ", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Member{
		{Name: "a", Kind: JSONString, RawName: `"a"`, Raw: `"x\u00e9\n"`},
		{Name: "b", Kind: JSONNumber, RawName: `"\u0062"`, Raw: `-0.5E+1`},
		{Name: "c", Kind: JSONArray, RawName: `"c"`, Raw: `[1,{"d":[]},"]"]`},
		{Name: "e", Kind: JSONObject, RawName: `"e"`, Raw: `{ }`},
		{Name: "f", Kind: JSONBool, RawName: `"f"`, Raw: `true`},
		{Name: "g", Kind: JSONBool, RawName: `"g"`, Raw: `false`},
		{Name: "h", Kind: JSONNull, RawName: `"h"`, Raw: `null`},
		{Name: "", Kind: JSONNumber, RawName: `""`, Raw: `0`},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Member{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var scalars []string
	for i := range got {
		if text, ok := got[i].Scalar(); ok {
			scalars = append(scalars, text)
		}
	}
	if diff := cmp.Diff([]string{"xé\n", "-0.5E+1", "true", "false", "0"}, scalars); diff != "" {
		t.Errorf("scalars (-want +got):\n%s", diff)
	}
}

func TestReadObjectAppends(t *testing.T) {
	before := []Member{{Name: "before"}}
	got, err := ReadObject(`{"a":1}`, before)
	if err != nil || len(got) != 2 || got[0].Name != "before" || got[1].Name != "a" {
		t.Errorf("ReadObject = %v, %v", got, err)
	}
}

func TestReadObjectRefuses(t *testing.T) {
	names := func(n int, last string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`"` + strings.Repeat("n", i+1) + `":0,`)
		}
		return "{" + b.String() + `"` + last + `":0}`
	}
	tests := []struct{ text, reason string }{
		{``, ReasonNotJSON},
		{`{`, ReasonNotJSON},
		{`{"a`, ReasonNotJSON},
		{`{"a"`, ReasonNotJSON},
		{`{"a":`, ReasonNotJSON},
		{`{"a":1`, ReasonNotJSON},
		{`{"a":1,`, ReasonNotJSON},
		{`{"a":1,}`, ReasonNotJSON},
		{`{,}`, ReasonNotJSON},
		{`{"a":1 "b":2}`, ReasonNotJSON},
		{`{a:1}`, ReasonNotJSON},
		{`{'a':1}`, ReasonNotJSON},
		{`{"a":1}}`, ReasonNotJSON},
		{`{"a":01}`, ReasonNotJSON},
		{`{"a":1.}`, ReasonNotJSON},
		{`{"a":.5}`, ReasonNotJSON},
		{`{"a":+1}`, ReasonNotJSON},
		{`{"a":-}`, ReasonNotJSON},
		{`{"a":1e}`, ReasonNotJSON},
		{`{"a":0x1}`, ReasonNotJSON},
		{`{"a":NaN}`, ReasonNotJSON},
		{`{"a":tru}`, ReasonNotJSON},
		{`{"a":True}`, ReasonNotJSON},
		{`{"a":nul`, ReasonNotJSON},
		{`{"a":[1,]}`, ReasonNotJSON},
		{`{"a":[1 2]}`, ReasonNotJSON},
		{`{"a":[}`, ReasonNotJSON},
		{`{"a":"\x"}`, ReasonNotJSON},
		{`{"a":"\u12"}`, ReasonNotJSON},
		{`{"a":"\u12g4"}`, ReasonNotJSON},
		{`{"a":"\`, ReasonNotJSON},
		{"{\"a\":\"\t\"}", ReasonNotJSON},
		{"{\"a\":\"\x00\"}", ReasonNotJSON},
		{"{\"a\":1}\f", ReasonNotJSON},
		{"{\u00a0}", ReasonNotJSON},
		{`{/**/}`, ReasonNotJSON},
		{`{"a":"\udc00"}`, ReasonInvalidUTF8},
		{`{"a":"\ud800x"}`, ReasonInvalidUTF8},
		{`{"a":"\ud800\ud800"}`, ReasonInvalidUTF8},
		{`{"a":"\ud800\u0041"}`, ReasonInvalidUTF8},
		{`{"a":"\ud800`, ReasonInvalidUTF8},
		{"{\"a\":\"\xc0\x80\"}", ReasonInvalidUTF8},
		{`[]`, ReasonNotObject},
		{` "x" `, ReasonNotObject},
		{`0`, ReasonNotObject},
		{`-1e5`, ReasonNotObject},
		{`[] []`, ReasonNotJSON},
		{`{"a":1e400}`, ReasonNumberRange},
		{`{"a":[-1e400]}`, ReasonNumberRange},
		{`1e400`, ReasonNumberRange},
		{`{"a":1,"a":1}`, ReasonDuplicateKey},
		{`{"a":{"b":1,"b":1}}`, ReasonDuplicateKey},
		{`{"":1,"":1}`, ReasonDuplicateKey},
		{names(16, "n"), ReasonDuplicateKey},
		{names(17, "n"), ReasonDuplicateKey},
		{names(40, "nn"), ReasonDuplicateKey},
		{names(40, strings.Repeat("n", 40)), ReasonDuplicateKey},
		{`{"a":` + strings.Repeat(`{"a":`, 64), ReasonTooDeep},
	}
	for _, tt := range tests {
		_, err := ReadObject(tt.text, nil)
		var u *Undecodable
		if !errors.As(err, &u) || u.Reason != tt.reason {
			t.Errorf("ReadObject(%.60q): %v, want %s", tt.text, err, tt.reason)
		}
	}
	if _, err := ReadObject(names(40, "x"), nil); err != nil {
		t.Errorf("many names, all different: %v", err)
	}
}

func readArray(text string, limit int) ([]Member, error) {
	root, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	return root.Elements(limit)
}

func TestElements(t *testing.T) {
	got, err := readArray(" [ {\"a\": [1] } ,\"x\\u00e9\" , -1,null,true,[ ] ] ", 6)
	if err != nil {
		t.Fatal(err)
	}
	want := []Member{
		{Kind: JSONObject, Raw: `{"a": [1] }`},
		{Kind: JSONString, Raw: `"x\u00e9"`},
		{Kind: JSONNumber, Raw: `-1`},
		{Kind: JSONNull, Raw: `null`},
		{Kind: JSONBool, Raw: `true`},
		{Kind: JSONArray, Raw: `[ ]`},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Member{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for text, reason := range map[string]string{
		``: ReasonNotJSON, `[`: ReasonNotJSON, `[1,]`: ReasonNotJSON, `[1] 2`: ReasonNotJSON, `{}`: ReasonNotArray, `null`: ReasonNotArray,
		`[1,2,3]`: ReasonTooManyMembers, `[{"a":1,"a":2}]`: ReasonDuplicateKey, "[\"\xff\"]": ReasonInvalidUTF8,
		strings.Repeat("[", 65): ReasonTooDeep,
	} {
		_, err := readArray(text, 2)
		if u, ok := errors.AsType[*Undecodable](err); !ok || u.Reason != reason {
			t.Errorf("readArray(%.60q): %v, want %s", text, err, reason)
		}
	}
}

// FuzzReadObject holds ReadObject against encoding/json: what one reads, the other reads as the same.
func FuzzReadObject(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":1}`, `{"a":"\ud83d\ude00","b":[null,true,-1.5e-3],"c":{"d":{}}}`, `{"a":1,"\u0061":2}`, `[{"a":1}]`, `{"a":1e309}`,
		"{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{"a":01}`, ` { "a" : [ ] } `, `{"a":{"b":1,"b":2}}`,
		strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		members, err := ReadObject(text, nil)
		var all map[string]any
		standard := json.Unmarshal([]byte(text), &all)
		if err != nil {
			var u *Undecodable
			if !errors.As(err, &u) {
				t.Fatalf("error %T", err)
			}
			if u.Reason == ReasonNotJSON && json.Valid([]byte(text)) {
				t.Fatalf("%v, but encoding/json reads it", err)
			}
			if u.Reason == ReasonNotObject && (standard == nil && all != nil || !json.Valid([]byte(text))) {
				t.Fatalf("%v, but encoding/json says %v", err, standard)
			}
			return
		}
		if standard != nil || len(members) != len(all) {
			t.Fatalf("%d members, encoding/json says %d and %v", len(members), len(all), standard)
		}
		for i := range members {
			var value any
			if err := json.Unmarshal([]byte(members[i].Raw), &value); err != nil || !cmp.Equal(value, all[members[i].Name]) {
				t.Fatalf("member %q is %s, encoding/json says %v, %v", members[i].Name, members[i].Raw, all[members[i].Name], err)
			}
		}
	})
}
