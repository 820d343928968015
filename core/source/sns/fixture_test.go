package sns

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/core/source/snsmessage/snssend"
	"github.com/pointsman/pointsman/core/source/sourcetest"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testTopic = "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic"

var testTime = time.Date(2024, 5, 1, 12, 35, 0, 0, time.UTC)

// amazon serves a signer's certificate and confirms subscriptions, as SNS does.
type amazon struct {
	*httptest.Server
	signer    *snssend.Signer
	confirmed atomic.Int64
	fails     atomic.Bool
}

func newAmazon(t testing.TB) *amazon {
	t.Helper()
	a := &amazon{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case a.fails.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case strings.HasSuffix(r.URL.Path, ".pem"):
			_, _ = w.Write(a.signer.Certificate())
		case r.URL.Query().Get("Action") == "ConfirmSubscription":
			a.confirmed.Add(1)
			_, _ = w.Write([]byte("<ConfirmSubscriptionResponse><ConfirmSubscriptionResult><SubscriptionArn>" + r.URL.Query().Get("TopicArn") +
				":1</SubscriptionArn></ConfirmSubscriptionResult></ConfirmSubscriptionResponse>"))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(a.Close)
	var err error
	if a.signer, err = snssend.NewSigner(a.URL + "/SimpleNotificationService-0123456789abcdef0123.pem"); err != nil {
		t.Fatal(err)
	}
	return a
}

// sign fills in empty fields of a message and returns its signed body.
func (a *amazon) sign(t testing.TB, m snsmessage.Message) []byte {
	t.Helper()
	fill := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	fill(&m.Type, snsmessage.Notification)
	fill(&m.MessageID, "0a1b2c3d-0000-5000-8000-000000000001")
	fill(&m.TopicARN, testTopic)
	fill(&m.Timestamp, "2024-05-01T12:34:56.789Z")
	if m.Type != snsmessage.Notification {
		fill(&m.Token, "0123456789abcdef")
		fill(&m.SubscribeURL, a.URL+"/?Action=ConfirmSubscription&TopicArn="+m.TopicARN+"&Token="+m.Token)
	}
	if err := a.signer.Sign(&m, "2"); err != nil {
		t.Fatal(err)
	}
	return snssend.Body(&m)
}

type fixture struct {
	*source.Webhook
	amazon *amazon
	intake *sourcetest.Memory
	log    *bytes.Buffer
}

// newFixture returns a source that trusts its own amazon. settings are additional JSON members.
func newFixture(t testing.TB, settings string) *fixture {
	t.Helper()
	f := &fixture{amazon: newAmazon(t), intake: &sourcetest.Memory{}, log: &bytes.Buffer{}}
	hosts, err := json.Marshal([]string{strings.TrimPrefix(f.amazon.URL, "http://")})
	if err != nil {
		t.Fatal(err)
	}
	text := `{"topics":["` + testTopic + `"],"auto_confirm":true,"insecure_cert_hosts":` + string(hosts)
	if settings != "" {
		text += "," + settings
	}
	if f.Webhook, err = makeWebhook(text+"}", deps(f.intake, f.log), unwrapLines); err != nil {
		t.Fatal(err)
	}
	return f
}

// makeWebhook makes a source of settings in JSON.
func makeWebhook(settings string, d source.Deps, unwrap Unwrap) (*source.Webhook, error) {
	kind := source.NewKind(Name, Doc, func(s *Settings, d source.Deps) (source.Source, error) { return makeSource(s, d, unwrap) })
	s, err := kind.New([]byte(settings), d)
	if err != nil {
		return nil, err
	}
	return s.(*source.Webhook), nil
}

func deps(in source.Intake, log *bytes.Buffer) source.Deps {
	return source.Deps{
		Name: "alarms", Intake: in, Log: slog.New(slog.NewJSONHandler(log, nil)),
		Metrics: source.NewMetrics(prometheus.NewRegistry()), Now: func() time.Time { return testTime },
	}
}

// unwrapLines replaces the S3 decoder: each line is an event.
func unwrapLines(message []byte, _ time.Duration) ([]source.Event, error) {
	if bytes.HasPrefix(message, []byte("?")) {
		return nil, &source.Undecodable{Reason: "question", Detail: "no notification"}
	}
	var events []source.Event
	for line := range bytes.Lines(message) {
		events = append(events, source.Event{Envelope: &pointsmanv1.Envelope{Id: string(line), Type: "s3.object.created"}})
	}
	return events, nil
}

func (f *fixture) post(body []byte, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/hooks/alarms", bytes.NewReader(body))
	r.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}
