package rule

import (
	"bytes"
	"encoding/json"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/core/jsondoc"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// FuzzPaths takes the values of several paths out of a JSON text in one walk, and compares them with what encoding/json finds.
func FuzzPaths(f *testing.F) {
	for _, paths := range []string{"", "a", "a.b c", "l.0 l.1 l.00 l.-1 l.1e0", "a.b.c.d a.b a.b.x.y", "é x\u0301 a.\u0000"} {
		for _, text := range []string{
			`{"a":{"b":{"c":{"d":1}}},"c":[1]}`, `{"l":[1.50,{"0":2}]}`, `{"\u0061":"x\ny","é":null,"b":[]}`, `[{"a":1},2]`, `"a"`, `7`, `{"a":{"b":12345678901234567890}}`, "{", `{"l":{"0":true,"1":false}}`,
		} {
			f.Add(text, paths)
		}
	}
	f.Fuzz(func(t *testing.T, text, paths string) {
		event := newEventType("websocket")
		root := event.root.fields.field("data").fields.field("body").path
		var wanted []string
		var read []*jsonPath
		for path := range strings.SplitSeq(paths, " ") {
			p := root
			for _, step := range steps(path) {
				p = p.child(step)
			}
			wanted, read = append(wanted, path), append(read, p)
		}
		fr := newFrame(&pointsmanv1.Envelope{Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{Body: &pointsmanv1.Json{Text: []byte(text)}}}}, event)
		defer fr.release()
		if err := new(jsondoc.Document).Parse(text); err != nil {
			if fr.read(root); fr.err == nil && text != "" {
				t.Fatalf("%q is read, although %v", text, err)
			}
			return
		}
		decoder := json.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		decoder.UseNumber()
		var whole any
		if err := decoder.Decode(&whole); err != nil {
			t.Fatal(err)
		}
		for i, p := range read {
			want, found := walk(whole, steps(wanted[i]))
			if there := fr.slotSet(p); there != found {
				t.Fatalf("%q in %q: found %t, want %t", wanted[i], text, there, found)
			}
			if got := fr.read(p); !sameJSON(appendValue(nil, got), want) {
				t.Fatalf("%q in %q: %s, want %v", wanted[i], text, show(got), want)
			}
		}
	})
}

func steps(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, ".")
}

func (f *frame) slotSet(p *jsonPath) bool {
	f.read(p) // parses the document
	return f.slots[p.slot] != 0
}

// walk follows the steps as rules do: a whole number leads to an element of a list.
func walk(v any, steps []string) (any, bool) {
	for _, step := range steps {
		found := false
		switch in := v.(type) {
		case map[string]any:
			v, found = in[step]
		case []any:
			if i, ok := wholeNumber(step); ok && i >= 0 && i < len(in) {
				v, found = in[i], true
			}
		}
		if !found {
			return nil, false
		}
	}
	return v, true
}

func wholeNumber(s string) (int, bool) {
	if !isDecimal(s) || !jsondoc.InRange(s) {
		return 0, false
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok || !n.IsInt() {
		return 0, false
	}
	i, err := strconv.Atoi(n.RatString())
	return i, err == nil
}

func sameJSON(text []byte, want any) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var got any
	if err := decoder.Decode(&got); err != nil {
		return false
	}
	if n, ok := want.(json.Number); ok {
		m, also := got.(json.Number)
		x, _ := new(big.Rat).SetString(n.String())
		y, _ := new(big.Rat).SetString(m.String())
		return also && (x.Cmp(y) == 0 || len(n) > 30) // tiny numbers are floats
	}
	return reflect.DeepEqual(got, want)
}
