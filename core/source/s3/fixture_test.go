package s3

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/core/source/sourcetest"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tokenNew   = "a-new-token-of-24-bytes-or-more"
	tokenOld   = "an-old-token-of-24-bytes-or-more"
	settings32 = `{"tokens":["` + tokenNew + `","","` + tokenOld + `"]}`
)

var testTime = time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)

type fixture struct {
	*source.Webhook
	intake *sourcetest.Memory
	log    *bytes.Buffer
	reg    *prometheus.Registry
}

// newFixture makes a source named "uploads".
func newFixture(t testing.TB, settings string) *fixture {
	t.Helper()
	return newSNSFixture(t, settings, snsmessage.Options{})
}

func newSNSFixture(t testing.TB, settings string, o snsmessage.Options) *fixture {
	t.Helper()
	f := &fixture{intake: &sourcetest.Memory{}, log: &bytes.Buffer{}, reg: prometheus.NewRegistry()}
	log := slog.New(slog.NewJSONHandler(f.log, nil))
	if o.Log == nil {
		o.Log = log
	}
	var err error
	f.Webhook, err = makeWebhook(settings, source.Deps{
		Name: "uploads", Intake: f.intake, Log: log, Metrics: source.NewMetrics(f.reg), Now: func() time.Time { return testTime },
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// makeWebhook makes a source of settings in JSON.
func makeWebhook(settings string, d source.Deps, o snsmessage.Options) (*source.Webhook, error) {
	kind := source.NewKind(Name, Doc, func(s *Settings, d source.Deps) (source.Source, error) { return makeSource(s, d, o) })
	s, err := kind.New([]byte(settings), d)
	if err != nil {
		return nil, err
	}
	return s.(*source.Webhook), nil
}

// postTo posts a body to a path; headers are name, value, ...
func (f *fixture) postTo(path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// post posts a body with the newest token.
func (f *fixture) post(body string) *httptest.ResponseRecorder {
	return f.postTo(f.Info().Path, body, "Authorization", "Bearer "+tokenNew)
}

// counted returns the value of one series; labels are name, value, ...
func (f *fixture) counted(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "pointsman_"+name {
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

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var got struct {
		Code   string
		Status int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("answer %d %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || got.Status != status || got.Code != code {
		t.Errorf("answer %d %s, want status %d, code %s", w.Code, w.Body, status, code)
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

// recorded returns the body of a recorded request of testdata/golden.
func recorded(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "golden", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(text), "\r\n\r\n")
	if !ok {
		t.Fatalf("%s: no empty line after the header", name)
	}
	return body
}

func reason(err error) string {
	if u, ok := errors.AsType[*source.Undecodable](err); ok {
		return u.Reason
	}
	if r, ok := errors.AsType[*source.Refused](err); ok {
		return r.Reason
	}
	return ""
}

// decodeAny decodes a body as a source with the block sns does, but does not verify the signature of SNS messages.
func decodeAny(dialect string, body []byte, o DecodeOptions) ([]source.Event, error) {
	members, err := source.ReadObject(string(body), nil)
	if err != nil || !snsmessage.IsMessage(members) {
		return Decode(dialect, body, o)
	}
	message, err := snsmessage.FromObject(members)
	if err != nil {
		return nil, err
	}
	return decodeSNS(dialect, message, o)
}
