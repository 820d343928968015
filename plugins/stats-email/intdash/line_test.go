package intdash

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// measured builds a line of a type and payload.
func measured(typ, data string) string {
	return `{"time":1735086000123456789,"measurement_uuid":"1a14f158-2a0c-44c7-ace1-e0d21ecc93e9","created_at":"2024-12-25T00:23:50Z",` +
		`"data_type":"` + typ + `","data_id":"10/distance","data":` + data + `}`
}

func TestDecodeValues(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       float64
	}{
		{"float64", measured("float64", `{"d":"QF7dLxqfvnc="}`), 123.456},
		{"whole", measured("float64", `{"d":"QFkAAAAAAAA="}`), 100},
		{"negative", measured("float64", `{"d":"v+AAAAAAAAA="}`), -0.5},
		{"int64", measured("int64", `{"d":"/////////9Y="}`), -42},
		{"infinite", measured("float64", `{"d":"f/AAAAAAAAA="}`), math.Inf(1)},
		{"data_name instead of data_id", strings.Replace(measured("float64", `{"d":"QF7dLxqfvnc="}`), "data_id", "data_name", 1), 123.456},
		{"escaped slash", measured("float64", `{"d":"v\u002bAAAAAAAAA="}`), -0.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, p, _, err := decodeLine([]byte(c.line), nil)
			if err != nil || k != kindPoint {
				t.Fatalf("kind %v, error %v", k, err)
			}
			if p.Value != c.want || p.Time != 1735086000123456789 {
				t.Errorf("got %+v, want %v", p, c.want)
			}
		})
	}
}

func TestDecodeNaN(t *testing.T) {
	_, p, _, err := decodeLine([]byte(measured("float64", `{"d":"f/gAAAAAAAA="}`)), nil)
	if err != nil || !math.IsNaN(p.Value) {
		t.Errorf("got %v, %v", p.Value, err)
	}
}

func TestDecodeTime(t *testing.T) {
	for _, c := range []struct {
		json string
		want int64
		ok   bool
	}{
		{"1735086000123456789", 1735086000123456789, true}, // as a float64 it would end in 6784
		{"0", 0, true},
		{"-1", -1, true},
		{`"2024-12-25T00:20:00.123456789Z"`, 1735086000123456789, true},
		{"1735086000.5", 0, false},
		{"1e18", 0, false},
		{"92233720368547758080", 0, false},
		{`"yesterday"`, 0, false},
		{"", 0, false},
		{"null", 0, false},
	} {
		got, err := decodeTime(json.RawMessage(c.json))
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%s: got %d, %v", c.json, got, err)
		}
	}
}

func TestDecodeKinds(t *testing.T) {
	const inBand = `{"time":0,"data_type":"string","data_id":"1/intdash/measurement/get/data/error","data":{"i":"intdash/measurement/get/data/error","d":`
	for _, c := range []struct {
		name, line, filter string
		kind               kind
		text, err          string
	}{
		{name: "two numbers", line: measured("float64", `{"d":"QF7dLxqfvndAWQAAAAAAAA=="}`), kind: kindVector},
		{name: "another type", line: measured("jpeg", `{"d":"/9j/"}`), kind: kindOther},
		{name: "older payload of another type", line: measured("string", `{"s":"$GNRMC,1"}`), kind: kindOther},
		{name: "not asked for", line: measured("float64", `{"d":"QFkAAAAAAAA="}`), filter: "float64:11/speed", kind: kindOther},
		{name: "asked for", line: measured("float64", `{"d":"QFkAAAAAAAA="}`), filter: "float64:10/distance", kind: kindPoint},
		{name: "asked for by wildcard", line: measured("float64", `{"d":"QFkAAAAAAAA="}`), filter: "#:10/#", kind: kindPoint},
		{name: "converted_error", line: inBand + `{"error":"converted_error"}}}`, kind: kindUnconverted},
		{name: "unexpected", line: inBand + `{"error":"unexpected","error_description":"disk"}}}`, kind: kindStopped, text: "unexpected: disk"},
		{name: "in-band error that nobody documented", line: inBand + `{"error":"quota"}}}`, kind: kindStopped, text: "quota"},
		{name: "in-band error without content", line: inBand + `7}}`, kind: kindStopped, text: "an error that cannot be read"},
		{name: "in-band error passes a filter", line: inBand + `{"error":"converted_error"}}}`, filter: "float64:a", kind: kindUnconverted},
		{name: "in-band error by data_name", line: strings.Replace(inBand, "data_id", "data_name", 1) + `{"error":"unexpected"}}}`, kind: kindStopped, text: "unexpected"},
		{name: "no JSON", line: `<html>`, err: "not a JSON object"},
		{name: "cut", line: measured("float64", `{"d":"QF7d`)[:150], err: "not a JSON object"},
		{name: "two objects", line: `{}{}`, err: "not a JSON object"},
		{name: "empty object", line: `{}`, err: "no data_type"},
		{name: "null", line: `null`, err: "no data_type"},
		{name: "seven bytes", line: measured("float64", `{"d":"QF7dLxqfvg=="}`), err: "float64 of 7 bytes"},
		{name: "no bytes", line: measured("float64", `{"d":""}`), err: "float64 of 0 bytes"},
		{name: "no base64", line: measured("float64", `{"d":"%%%"}`), err: "payload"},
		{name: "number for base64", line: measured("float64", `{"d":1.5}`), err: "payload"},
		{name: "no d", line: measured("float64", `{"s":"x"}`), err: `data has no "d"`},
		{name: "no data", line: `{"time":1,"data_type":"float64","data_id":"a"}`, err: "payload"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var filters []Filter
			if c.filter != "" {
				f, err := ParseFilter(c.filter)
				if err != nil {
					t.Fatal(err)
				}
				filters = []Filter{f}
			}
			k, _, text, err := decodeLine([]byte(c.line), filters)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || k != c.kind || text != c.text {
				t.Errorf("got %v %q %v, want %v %q", k, text, err, c.kind, c.text)
			}
		})
	}
}

func TestParseFilter(t *testing.T) {
	for _, s := range []string{"", "float64", "float64:", ":a", "string:a", "h264:1/video"} {
		if _, err := ParseFilter(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
	for _, s := range []string{"float64:10/distance", "int64:a", "#:#", "#:1/gnss_coordinates", "float64:a:b"} {
		f, err := ParseFilter(s)
		if err != nil || f.String() != s {
			t.Errorf("%q became %q, %v", s, f, err)
		}
	}
}

func TestReadStreamSkipsLongLines(t *testing.T) {
	good := measured("float64", `{"d":"QFkAAAAAAAA="}`)
	image := measured("jpeg", `{"d":"`+strings.Repeat("A", maxLine)+`"}`)
	var got []float64
	sum, err := readStream(strings.NewReader(good+"\n"+image+"\n\r\n"+good+"\r\n"+good), nil, func(p Point) { got = append(got, p.Value) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Summary{Points: 3, Other: 1}, sum); diff != "" || len(got) != 3 {
		t.Error(diff, got)
	}
}

// Whatever the bytes are: no panic, and what the fast path reads is what a JSON parser reads.
func FuzzDecodeLine(f *testing.F) {
	f.Add([]byte(measured("float64", `{"d":"QF7dLxqfvnc="}`)))
	f.Add([]byte(measured("int64", `{"d":"/////////9Y="}`)))
	f.Add([]byte(`{"data_name":"0/intdash/measurement/get/data/error","data":{"d":{"error":"unexpected"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var fast, slow line
		if scan(b, &fast) {
			if err := slow.parse(b); err != nil {
				t.Fatalf("scan accepts what is no JSON: %v", err)
			}
			if !bytes.Equal(fast.time, slow.time) || !bytes.Equal(fast.typ, slow.typ) || !bytes.Equal(fast.id, slow.id) ||
				!bytes.Equal(fast.name, slow.name) || !bytes.Equal(fast.data, slow.data) {
				t.Fatalf("scan %q, parser %q", fast, slow)
			}
		}
		k, _, _, err := decodeLine(b, nil)
		if err == nil && !json.Valid(b) {
			t.Errorf("invalid JSON was taken for kind %v", k)
		}
		sum, _ := readStream(bytes.NewReader(b), nil, func(Point) {})
		if sum.Points+sum.Other+sum.Vectors+sum.Unconverted > int64(bytes.Count(b, []byte("\n")))+1 {
			t.Errorf("%+v of %q: more than there are lines", sum, b)
		}
	})
}

func FuzzDecodePayload(f *testing.F) {
	for _, s := range []string{`{"d":"QF7dLxqfvnc="}`, `{"d":""}`, `{"d":"QF7d\n"}`, `{ "d" : "QF7dLxqfvnc=" }`, `{"d":null}`, `{"d":"A\u0041=="}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodePayload(b, nil)
		var want struct{ D []byte }
		if jsonErr := json.Unmarshal(b, &want); err == nil && (jsonErr != nil || !bytes.Equal(got, want.D)) {
			t.Errorf("got %x, parser %x, %v", got, want.D, jsonErr)
		}
	})
}

func BenchmarkReadStream(b *testing.B) {
	text := strings.Repeat(measured("float64", `{"d":"QF7dLxqfvnc="}`)+"\n", 10_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readStream(strings.NewReader(text), nil, func(Point) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "points/s")
}
