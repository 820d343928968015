package source

import (
	"net/http"
	"strings"
	"testing"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestEnvelopeIsStamped(t *testing.T) {
	s := &store{}
	f := newFixture(t, s)
	parent := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	f.post("a\nb", "Content-Type", "text/plain", "Traceparent", parent)
	f.post("?", "Content-Type", "text/\xff")
	if len(s.events) != 3 {
		t.Fatalf("stored %v", s.events)
	}
	for i, id := range []string{"a\n", "b"} {
		want := &pointsmanv1.Envelope{
			Id: id, Source: "test", Kind: "line", Type: "test." + strings.TrimSpace(id), ReceivedUnixNano: 1_700_000_000_000_000_005,
			ContentType: "text/plain", Body: []byte("a\nb"), TraceParent: parent, VerifiedBy: "secret 1",
		}
		if got := s.events[i].Envelope; got.String() != want.String() {
			t.Errorf("envelope %v, want %v", got, want)
		}
	}
	q := s.events[2]
	if q.Quarantine != "question: line starts with a question mark" || string(q.Envelope.GetBody()) != "?" || q.Envelope.GetContentType() != "" ||
		q.Envelope.GetType() != "line.quarantined" || len(q.Keys) != 1 || q.Keys[0].Window != ShortWindow || q.Keys[0].Value != q.Envelope.GetId() {
		t.Errorf("quarantined event %v", q)
	}
}

// Every event of a sensitive source says so, quarantined ones included.
func TestSensitiveSource(t *testing.T) {
	s := &store{}
	f := newFixture(t, s, func(o *WebhookOptions) { o.Sensitive = true })
	f.post("a\nb")
	f.post("?")
	for _, e := range s.events {
		if !e.Envelope.GetSensitive() {
			t.Errorf("not sensitive: %v", e.Envelope)
		}
	}
	if len(s.events) != 3 {
		t.Errorf("%d events", len(s.events))
	}
}

// signedRequest was verified by something else than a secret, if by is set.
type signedRequest struct {
	lineRequest
	slot int
	by   string
}

func (r signedRequest) Slot() int          { return r.slot }
func (r signedRequest) VerifiedBy() string { return r.by }

func TestVerifiedBy(t *testing.T) {
	f := newFixture(t, &store{}, func(o *WebhookOptions) { o.Secrets, o.SecretWord = 3, "token" })
	for _, tt := range []struct {
		request Request
		want    string
	}{
		{lineRequest("x"), "token 1"},
		{signedRequest{slot: 2}, "token 3"},
		{signedRequest{slot: -1}, ""},
		{signedRequest{slot: -1, by: "signature version 2"}, "signature version 2"},
		{signedRequest{slot: 0, by: "signature version 1"}, "signature version 1"},
	} {
		if got := f.verifiedBy(tt.request); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.request, got, tt.want)
		}
		if n := testing.AllocsPerRun(100, func() { f.verifiedBy(tt.request) }); n != 0 {
			t.Errorf("%+v: %v allocations", tt.request, n)
		}
	}
}

func TestKindLeavesSensitiveToTheRouter(t *testing.T) {
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), `kind "x" has an attribute "sensitive"`) {
			t.Errorf("panic %v", p)
		}
	}()
	type settings struct {
		Sensitive bool `pointsman:"sensitive" doc:"Own."`
	}
	NewKind("x", "", func(*settings, Deps) (Source, error) { return nil, nil })
}

func TestTraceParent(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	tests := []struct {
		values []string
		ok     bool
	}{
		{[]string{good}, true},
		{[]string{"cc" + good[2:]}, true},
		{[]string{"cc" + good[2:] + "-what-the-future-holds"}, true},
		{nil, false},
		{[]string{""}, false},
		{[]string{good, good}, false},
		{[]string{good + "-01"}, false},
		{[]string{"cc" + good[2:] + "x"}, false},
		{[]string{"cc" + good[2:] + "-\x7f"}, false},
		{[]string{"cc" + good[2:] + strings.Repeat("-x", 40)}, false},
		{[]string{"ff" + good[2:]}, false},
		{[]string{strings.ToUpper(good)}, false},
		{[]string{good[:54]}, false},
		{[]string{strings.Replace(good, "-", "_", 1)}, false},
		{[]string{"00-00000000000000000000000000000000-00f067aa0ba902b7-01"}, false},
		{[]string{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"}, false},
		{[]string{"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"}, false},
	}
	for _, tt := range tests {
		got := traceParent(http.Header{"Traceparent": tt.values})
		if want := strings.Join(tt.values, ""); tt.ok && got != want || !tt.ok && got != "" {
			t.Errorf("traceParent(%q) = %q, valid %t", tt.values, got, tt.ok)
		}
	}
}

func TestIsToken(t *testing.T) {
	for s, want := range map[string]bool{
		"a": true, "Az0_-9": true, strings.Repeat("x", 64): true, "": false, strings.Repeat("x", 65): false,
		"a b": false, "a.b": false, "é": false, "\xff": false, "a\n": false,
	} {
		if IsToken(s) != want {
			t.Errorf("IsToken(%q) is not %v", s, want)
		}
	}
}

func TestBoundedID(t *testing.T) {
	for id, kept := range map[string]bool{
		"": true, "a:b/c.d~": true, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false, "a b": false, "é": false, "\xff": false, "\x7f": false,
	} {
		if got := BoundedID(id); (got == id) != kept || !kept && got != ContentID([]byte(id)) {
			t.Errorf("BoundedID(%q) = %q", id, got)
		}
	}
}
