package intdash

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/pointsman/pointsman/core/source"
)

var update = flag.Bool("update", false, "rewrite the want part of testdata/*.txtar")

// TestGolden posts the signed body of each testdata/*.txtar with the headers of its file "header", and compares the response
// and the stored event with its file "want". The last line break is not part of the body.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, f := range archive.Files {
		parts[f.Name] = string(f.Data)
	}
	body := strings.TrimSuffix(parts["body"], "\n")
	headers := []string{SignatureHeader, sign([]byte(secret32), []byte(body))}
	for line := range strings.Lines(parts["header"]) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		headers = append(headers, name, value)
	}
	f := newFixture(t, settings32)
	got := describe(t, f, f.post(body, headers...).Code)
	if *update {
		archive.Files = append(archive.Files[:len(archive.Files)-1], txtar.File{Name: "want", Data: []byte(got)})
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(parts["want"], got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if stored := string(f.intake.Events[0].Envelope.GetBody()); stored != body {
		t.Errorf("stored body %q, want %q", stored, body)
	}
}

// describe prints a response and the stored event without its body, which is in the same file.
func describe(t *testing.T, f *fixture, status int) string {
	t.Helper()
	if len(f.intake.Events) != 1 {
		t.Fatalf("%d events stored, answer %d", len(f.intake.Events), status)
	}
	event := f.intake.Events[0]
	checkEnvelope(t, event.Envelope)
	kept := event.Envelope.Body
	event.Envelope.Body = nil
	defer func() { event.Envelope.Body = kept }()
	var out bytes.Buffer
	fmt.Fprintf(&out, "status %d\n", status)
	if event.Quarantine != "" {
		fmt.Fprintf(&out, "quarantine %s\n", event.Quarantine)
	}
	for _, k := range event.Keys {
		fmt.Fprintf(&out, "key %s for %s\n", k.Value, k.Window)
	}
	text, err := protojson.Marshal(event.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer // protojson varies its spaces on purpose
	if err := errors.Join(json.Compact(&compact, text), json.Indent(&out, compact.Bytes(), "", "  ")); err != nil {
		t.Fatal(err)
	}
	if extra := event.Envelope.GetIntdash().GetExtra(); extra != nil {
		fmt.Fprintf(&out, "\nextra %s", extra.GetText())
	}
	out.WriteByte('\n')
	return out.String()
}

// These bodies do not fit into a text file.
func TestQuarantine(t *testing.T) {
	nested := func(depth int) string {
		return `{"resource_type":"edge","action":"created","x":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
	}
	many := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"resource_type":"edge","action":"created"`)
		for i := range n - 2 {
			fmt.Fprintf(&b, `,"m%d":%d`, i, i)
		}
		return b.String() + "}"
	}
	tests := []struct{ name, body, reason string }{
		{"empty", "", "not_json"},
		{"NUL", "\x00", "not_json"},
		{"byte order mark", "\ufeff" + bodyCompact, ""},
		{"form", "resource_type=edge&action=created", "not_json"},
		{"cut", bodyCompact[:40], "not_json"},
		{"two values", bodyCompact + bodyCompact, "not_json"},
		{"NUL after", bodyCompact + "\x00", "not_json"},
		{"control character in a string", "{\"resource_type\":\"ed\nge\"}", "not_json"},
		{"invalid UTF-8", "{\"resource_type\":\"\xff\"}", "invalid_utf8"},
		{"UTF-16", "{\x00\"\x00}\x00\xd8", "invalid_utf8"},
		{"encoded surrogate", "{\"x\":\"\xed\xa0\x80\"}", "invalid_utf8"},
		{"lone surrogate", `{"resource_type":"\ud800"}`, "invalid_utf8"},
		{"array", "[" + bodyCompact + "]", "not_object"},
		{"null", "null", "not_object"},
		{"depth 64", nested(64), ""},
		{"depth 65", nested(65), "too_deep"},
		{"depth 400,000", strings.Repeat("[", 400_000), "too_deep"},
		{"1024 members", many(1024), ""},
		{"1025 members", many(1025), "too_many_members"},
		{"same name twice", `{"resource_type":"edge","action":"created","action":"deleted"}`, "duplicate_key"},
		{"same name twice, one escaped", `{"resource_type":"edge","action":"created","\u0061ction":"deleted"}`, "duplicate_key"},
		{"same name twice inside", `{"resource_type":"edge","action":"created","x":[{"a":1,"a":2}]}`, "duplicate_key"},
		{"same name in two objects", `{"resource_type":"edge","action":"created","x":[{"a":1},{"a":2}]}`, ""},
		{"names that differ in case", `{"resource_type":"edge","action":"created","Action":"deleted"}`, ""},
		{"huge number", `{"resource_type":"edge","action":"created","x":1e309}`, "number_range"},
		{"many digits", `{"resource_type":"edge","action":"created","x":-` + strings.Repeat("9", 310) + `}`, "number_range"},
		{"number too small to tell from 0", `{"resource_type":"edge","action":"created","x":1e-999}`, ""},
		{"no resource_type", `{"action":"created"}`, "missing_field"},
		{"no action", `{"resource_type":"edge"}`, "missing_field"},
		{"null action", `{"resource_type":"edge","action":null}`, "missing_field"},
		{"empty resource_type", `{"resource_type":"","action":"created"}`, "missing_field"},
		{"number as resource_type", `{"resource_type":1,"action":"created"}`, "wrong_type"},
		{"array as action", `{"resource_type":"edge","action":["created"]}`, "wrong_type"},
		{"object as delivery_uuid", `{"resource_type":"edge","action":"created","delivery_uuid":{}}`, "wrong_type"},
		{"boolean as occurred_at", `{"resource_type":"edge","action":"created","occurred_at":true}`, "wrong_type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, settings32)
			if w := f.postSigned(tt.body); w.Code != http.StatusNoContent {
				t.Fatalf("answer %d %s, want 204", w.Code, w.Body)
			}
			event := f.intake.Events[0]
			if string(event.Envelope.GetBody()) != tt.body {
				t.Error("body was not kept as it was")
			}
			checkEnvelope(t, event.Envelope)
			got, _, _ := strings.Cut(event.Quarantine, ":")
			if got != tt.reason {
				t.Fatalf("quarantined as %q, want %q", event.Quarantine, tt.reason)
			}
			if tt.reason == "" {
				return
			}
			if got := f.counted(t, "pointsman_events_quarantined_total", "source", "lab", "reason", tt.reason); got != 1 {
				t.Errorf("counted %v, want 1", got)
			}
			if e := event.Envelope; e.GetType() != "intdash.quarantined" || e.GetData() != nil || e.GetId() == "" || len(event.Keys) != 1 {
				t.Errorf("envelope %v with keys %v", e, event.Keys)
			}
		})
	}
}

// The sender's names and ids are bounded wherever they are used as such, and unchanged in the data.
func TestHostileText(t *testing.T) {
	long := strings.Repeat("a", 100<<10)
	for _, text := range []string{long, "../../etc/passwd", "a b", "\x00\x1b[31m", "intdash.>", "*", "日本", "a|b", "%s%n", strings.Repeat(".", 64)} {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"delivery_uuid":%[1]s,"resource_type":%[1]s,"action":%[1]s,"occurred_at":%[1]s,"hook_uuid":%[1]s,"edge_uuid":%[1]s,%[1]s:1}`, quoted)
		event, err := Decode([]byte(body), 0)
		if err != nil {
			t.Fatal(err)
		}
		checkEnvelope(t, event.Envelope)
		e := event.Envelope
		if e.GetType() != "intdash.unknown.unknown" || len(e.GetId()) > 80 || len(e.GetSubject()) > 128 || e.GetTimeUnixNano() != 0 {
			t.Errorf("%.20q: type %q, id %.100q, subject %.200q, time %d", text, e.GetType(), e.GetId(), e.GetSubject(), e.GetTimeUnixNano())
		}
		if d := e.GetIntdash(); d.GetResourceType() != text || d.GetAction() != text || d.GetResourceUuid() != text || d.GetDeliveryUuid() != text {
			t.Errorf("%.20q: data was changed", text)
		}
		for _, k := range event.Keys {
			if len(k.Value) > maxKey {
				t.Errorf("%.20q: key of %d bytes", text, len(k.Value))
			}
		}
	}
}

func TestKeys(t *testing.T) {
	key := func(parts ...string) string {
		t.Helper()
		event, err := Decode(fmt.Appendf(nil,
			`{"hook_uuid":%q,"resource_type":%q,"action":%q,"edge_uuid":%q,"occurred_at":%q,"delivery_uuid":"d"}`,
			parts[0], parts[1], parts[2], parts[3], parts[4]), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return event.Keys[1].Value
	}
	if got := key("h", "edge", "created", "e", "2024-12-25T00:20:00Z"); got != "h|edge|created|e|2024-12-25T00:20:00Z" {
		t.Errorf("key %q", got)
	}
	if key("h|edge", "x", "created", "e", "t") == key("h", "edge|x", "created", "e", "t") {
		t.Error("parts run into each other")
	}
	tests := []struct {
		name, body string
		want       int // keys
	}{
		{"no time", `{"delivery_uuid":"d","resource_type":"edge","action":"updated","edge_uuid":"e"}`, 1},
		{"no resource", `{"delivery_uuid":"d","resource_type":"edge","action":"updated","occurred_at":"2024-12-25T00:20:00Z"}`, 1},
		{"preview", bodySeed, 1},
		{"all", bodyCompleted, 2},
	}
	for _, tt := range tests {
		if event, err := Decode([]byte(tt.body), time.Hour); err != nil || len(event.Keys) != tt.want {
			t.Errorf("%s: keys %v, %v, want %d", tt.name, event.Keys, err, tt.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors {
		f.Add([]byte(v.body))
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			if part.Name == "body" {
				f.Add(bytes.TrimSuffix(part.Data, []byte("\n")))
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		kept := string(body)
		event, err := Decode(body, time.Hour)
		if string(body) != kept {
			t.Fatal("Decode changed the body")
		}
		if err != nil {
			var u *source.Undecodable
			if !errors.As(err, &u) || u.Reason == "" || !utf8.ValidString(u.Detail) {
				t.Fatalf("error %#v", err)
			}
			return
		}
		checkDecoded(t, event, body)
	})
}

func checkDecoded(t *testing.T, event source.Event, body []byte) {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v", err)
	}
	checkEnvelope(t, event.Envelope)
	data := event.Envelope.GetIntdash()
	if data.GetResourceType() != all["resource_type"] || data.GetOriginalAction() != all["action"] {
		t.Fatalf("data %v of %s", data, body)
	}
	extra := map[string]any{}
	if text := data.GetExtra().GetText(); text != nil {
		if err := json.Unmarshal(text, &extra); err != nil {
			t.Fatalf("extra %s: %v", text, err)
		}
	}
	for name, value := range all {
		if kept, ok := extra[name]; ok != (field(data, name) == nil) || ok && !cmp.Equal(kept, value) {
			t.Fatalf("member %q: %v in extra %v", name, value, extra)
		}
	}
	if event.Envelope.GetId() == "" || len(event.Keys) == 0 || len(event.Envelope.GetType()) > 140 || len(event.Envelope.GetSubject()) > 128 {
		t.Fatalf("envelope %v, keys %v", event.Envelope, event.Keys)
	}
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(bodyCompleted)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(body, 0); err != nil {
			b.Fatal(err)
		}
	}
}
