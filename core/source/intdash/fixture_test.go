package intdash

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/sourcetest"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testTime = time.Date(2024, 12, 25, 0, 24, 0, 0, time.UTC)

type fixture struct {
	*source.Webhook
	intake *sourcetest.Memory
	log    *bytes.Buffer
	reg    *prometheus.Registry
}

func newFixture(t testing.TB, settings string) *fixture {
	t.Helper()
	f := &fixture{intake: &sourcetest.Memory{}, log: &bytes.Buffer{}, reg: prometheus.NewRegistry()}
	var err error
	f.Webhook, err = makeWebhook(settings, source.Deps{
		Name: "lab", Intake: f.intake, Log: slog.New(slog.NewJSONHandler(f.log, nil)),
		Metrics: source.NewMetrics(f.reg), Now: func() time.Time { return testTime },
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// makeWebhook makes a source of settings in JSON.
func makeWebhook(settings string, d source.Deps) (*source.Webhook, error) {
	s, err := Kind().New([]byte(settings), d)
	if err != nil {
		return nil, err
	}
	return s.(*source.Webhook), nil
}

// settings32 is a source with one secret, secret32.
const settings32 = `{"secrets":["` + secret32 + `"]}`

func (f *fixture) post(body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, f.Info().Path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// sign returns the value of SignatureHeader for a body.
func sign(secret, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (f *fixture) postSigned(body string) *httptest.ResponseRecorder {
	return f.post(body, SignatureHeader, sign([]byte(secret32), []byte(body)))
}

// counted returns the value of one series; labels are name, value, ...
func (f *fixture) counted(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			has := map[string]string{}
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			match := true
			for i := 0; i < len(labels); i += 2 {
				match = match && has[labels[i]] == labels[i+1]
			}
			if match {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no series %s %v: label sets must exist from the start", name, labels)
	return 0
}

func secretsDoNotLeak(t *testing.T, text, sent, computed string) {
	t.Helper()
	for _, never := range []string{secret32, sent, computed, "delivery_uuid"} {
		if never != "" && strings.Contains(text, never) {
			t.Errorf("log or answer holds %q:\n%s", never, text)
		}
	}
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var got struct {
		Type, Title, Code string
		Status            int
		RequestID         string `json:"request_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("answer %d %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || got.Status != status || got.Code != code || got.RequestID == "" || got.Title != http.StatusText(status) {
		t.Errorf("answer %d %s, want status %d, code %s", w.Code, w.Body, status, code)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type %q", ct)
	}
}

// checkEnvelope checks what must hold for every input: the envelope survives encoding and decoding.
func checkEnvelope(t *testing.T, e *pointsmanv1.Envelope) {
	t.Helper()
	encoded, err := proto.Marshal(e)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	var again pointsmanv1.Envelope
	if err := proto.Unmarshal(encoded, &again); err != nil {
		t.Fatalf("unmarshal: %v", err)
	}
	if !proto.Equal(e, &again) {
		t.Fatalf("envelope does not survive encoding: %v", e)
	}
}
