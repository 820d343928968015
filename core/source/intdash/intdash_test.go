package intdash

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/sourcetest"
)

func TestVectorsOverHTTP(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			settings, err := json.Marshal(map[string]any{"secrets": []string{v.secret}})
			if err != nil {
				t.Fatal(err)
			}
			f := newFixture(t, string(settings))
			w := f.post(v.body, "x-intdash-signature-256", v.signature)
			if w.Code != http.StatusNoContent || w.Body.Len() != 0 {
				t.Fatalf("answer %d %q, want 204 without a body", w.Code, w.Body)
			}
			if len(f.intake.Events) != 1 || string(f.intake.Events[0].Envelope.GetBody()) != v.body {
				t.Fatalf("stored %v, want the body as it was sent", f.intake.Events)
			}
			if got, want := f.intake.Events[0].Quarantine != "", v.body == ""; got != want {
				t.Errorf("quarantined %t (%s), want %t", got, f.intake.Events[0].Quarantine, want)
			}
			if w := f.post(v.body+" ", SignatureHeader, v.signature); w.Code != http.StatusUnauthorized {
				t.Errorf("answer to the body with a space after it: %d, want 401", w.Code)
			}
		})
	}
}

func TestUnauthenticIsNotStored(t *testing.T) {
	mac := sign([]byte("another secret"), []byte(bodyCompleted))
	reserialised := sign([]byte(secret32), []byte(bodyCompact))
	tests := []struct {
		name, body string
		headers    []string
		reason     string
	}{
		{"no signature", bodyCompleted, nil, sigMissing},
		{"no signature, no body", "", nil, sigMissing},
		{"no signature, not JSON", "{", nil, sigMissing},
		{"another secret", bodyCompleted, []string{SignatureHeader, mac}, sigMismatch},
		{"signed after re-serialising", bodySeed, []string{SignatureHeader, reserialised}, sigMismatch},
		{"twice", bodyCompleted, []string{SignatureHeader, vectors[0].signature, SignatureHeader, vectors[0].signature}, sigDoubled},
		{"with a space", bodyCompleted, []string{SignatureHeader, vectors[0].signature[:20] + " " + vectors[0].signature[20:]}, sigMalformed},
		{"not base64", bodyCompleted, []string{SignatureHeader, strings.Repeat("*", 44)}, sigMalformed},
		{"deep JSON", strings.Repeat("[", 100_000), []string{SignatureHeader, mac}, sigMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, settings32)
			w := f.post(tt.body, tt.headers...)
			wantProblem(t, w, http.StatusUnauthorized, "unauthorized")
			if len(f.intake.Events) != 0 {
				t.Errorf("stored %v", f.intake.Events)
			}
			if got := f.counted(t, "pointsman_source_auth_failures_total", "source", "lab", "reason", tt.reason); got != 1 {
				t.Errorf("counted %v of %s, want 1", got, tt.reason)
			}
			sent := ""
			if len(tt.headers) > 0 {
				sent = tt.headers[1]
			}
			secretsDoNotLeak(t, f.log.String()+w.Body.String(), sent, sign([]byte(secret32), []byte(tt.body)))
		})
	}
}

func TestRotation(t *testing.T) {
	f := newFixture(t, `{"secrets":["a-new-secret-of-24-bytes-or-more","`+secret32+`"]}`)
	if w := f.postSigned(bodyCompleted); w.Code != http.StatusNoContent {
		t.Fatalf("answer to the old secret: %d", w.Code)
	}
	if got := f.counted(t, "pointsman_source_secret_used_total", "slot", "1"); got != 1 {
		t.Errorf("old secret counted %v times, want 1", got)
	}
	if by := f.intake.Events[0].Envelope.GetVerifiedBy(); by != "secret 2" {
		t.Errorf("verified by %q", by)
	}
	if got := f.counted(t, "pointsman_source_secret_used_total", "slot", "0"); got != 0 {
		t.Errorf("new secret counted %v times, want 0", got)
	}
}

func TestDuplicates(t *testing.T) {
	redelivered := strings.Replace(bodyCompleted, "d41cd3e1", "99999999", 1)
	f := newFixture(t, settings32)
	for i, body := range []string{bodyCompleted, bodyCompleted, redelivered} {
		if w := f.postSigned(body); w.Code != http.StatusNoContent {
			t.Fatalf("answer %d: %d, want 204", i, w.Code)
		}
	}
	if len(f.intake.Events) != 1 {
		t.Errorf("stored %d events, want 1: a retry and a redelivery by hand are the same event", len(f.intake.Events))
	}
	if got := f.counted(t, "pointsman_events_duplicate_total", "source", "lab"); got != 2 {
		t.Errorf("counted %v duplicates, want 2", got)
	}
	if got := f.counted(t, "pointsman_events_accepted_total", "type_class", "intdash.measurement.completed"); got != 1 {
		t.Errorf("counted %v accepted, want 1", got)
	}
}

func TestNotStored(t *testing.T) {
	f := newFixture(t, settings32)
	f.intake.Err = errors.New("journal is full")
	for _, body := range []string{bodyCompleted, "not JSON"} {
		w := f.postSigned(body)
		wantProblem(t, w, http.StatusServiceUnavailable, "not_stored")
		if w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	f.intake.Err = nil
	if w := f.postSigned(bodyCompleted); w.Code != http.StatusNoContent || len(f.intake.Events) != 1 {
		t.Errorf("sent again: %d with %d stored", w.Code, len(f.intake.Events))
	}
}

// updated returns the body of an event with that delivery UUID.
func updated(delivery string) string {
	return `{"delivery_uuid":"` + delivery + `","resource_type":"measurement","action":"updated"}`
}

func TestConcurrentRequestsKeepTheirBodies(t *testing.T) {
	f := newFixture(t, settings32)
	server := httptest.NewServer(f)
	defer server.Close()
	const senders, each = 16, 25
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				body := updated(string(rune('a'+s)) + strings.Repeat("x", i))
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/hooks/lab", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set(SignatureHeader, sign([]byte(secret32), []byte(body)))
				resp, err := server.Client().Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				if resp.Body.Close(); resp.StatusCode != http.StatusNoContent {
					t.Errorf("answer %s", resp.Status)
				}
			}
		})
	}
	wg.Wait()
	if len(f.intake.Events) != senders*each {
		t.Fatalf("stored %d events, want %d", len(f.intake.Events), senders*each)
	}
	for _, e := range f.intake.Events {
		if got := string(e.Envelope.GetBody()); got != updated(e.Envelope.GetIntdash().GetDeliveryUuid()) {
			t.Errorf("body %s does not belong to %s", got, e.Envelope.GetId())
		}
	}
}

func TestNewRefusesSettings(t *testing.T) {
	tests := []struct{ settings, want string }{
		{`{}`, "secrets"},
		{`{"secrets":[]}`, "secrets"},
		{`{"secrets":[""]}`, "every secret is empty"},
		{`{"secrets":["` + secret32 + `"],"path":"hooks"}`, `must start with "/"`},
		{`{"secrets":["` + secret32 + `"],"path":"/a/../b"}`, "matched exactly"},
		{`{"secrets":["` + secret32 + `"],"dedupe_window":"-1s"}`, "dedupe_window"},
		{`{"secrets":["` + secret32 + `"],"secret":"x"}`, "secret"},
	}
	for _, tt := range tests {
		_, err := makeWebhook(tt.settings, source.Deps{
			Name: "lab", Intake: &sourcetest.Memory{}, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry()),
		})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `"lab"`) {
			t.Errorf("settings %s: %v, want an error about %q", tt.settings, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), secret32) {
			t.Errorf("error shows the secret: %v", err)
		}
	}
}

func TestSettings(t *testing.T) {
	f := newFixture(t, `{"secrets":["`+secret32+`"],"path":"/in/intdash","dedupe_window":"1h30m"}`)
	if f.Info().Path != "/in/intdash" || f.Info().Name != "lab" || f.Info().Kind != "intdash" || len(f.Info().Warnings) != 0 {
		t.Errorf("path %q, name %q, kind %q, warnings %q", f.Info().Path, f.Info().Name, f.Info().Kind, f.Info().Warnings)
	}
	f.postSigned(bodyCompleted)
	for _, k := range f.intake.Events[0].Keys {
		if k.Window != 90*time.Minute {
			t.Errorf("key %s has window %s, want 1h30m", k.Value, k.Window)
		}
	}
	if got := newFixture(t, settings32).Info().Path; got != "/hooks/lab" {
		t.Errorf("default path %q", got)
	}
}
