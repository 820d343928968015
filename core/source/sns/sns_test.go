package sns

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/core/source/sourcetest"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestNotification(t *testing.T) {
	f := newFixture(t, "")
	body := f.amazon.sign(t, snsmessage.Message{
		Subject: "Alarm", Message: `{"AlarmName":"disk","n":[1]}`,
		Attributes: []snsmessage.Attribute{{Name: "tenant", Type: "String", Value: "acme"}},
	})
	for range 2 { // the second is a retry
		if w := f.post(body, headerType, snsmessage.Notification); w.Code != 200 {
			t.Fatalf("answer %d %s, log %s", w.Code, w.Body, f.log)
		}
	}
	if len(f.intake.Events) != 1 {
		t.Fatalf("%d events", len(f.intake.Events))
	}
	want := &pointsmanv1.Envelope{
		Id: "0a1b2c3d-0000-5000-8000-000000000001", Source: "alarms", Kind: "sns", Type: "sns.notification", Subject: testTopic,
		TimeUnixNano: 1714566896789000000, ReceivedUnixNano: testTime.UnixNano(), ContentType: "text/plain; charset=UTF-8", Body: body,
		Attributes: []*pointsmanv1.Attribute{{Name: "tenant", Value: "acme"}}, VerifiedBy: "signature version 2",
		Data: &pointsmanv1.Envelope_Sns{Sns: &pointsmanv1.SnsNotification{
			TopicArn: testTopic, Topic: "reporting-topic", MessageId: "0a1b2c3d-0000-5000-8000-000000000001", Subject: "Alarm",
			Message: `{"AlarmName":"disk","n":[1]}`, MessageJson: &pointsmanv1.Json{Text: []byte(`{"AlarmName":"disk","n":[1]}`)},
			Attributes: []*pointsmanv1.SnsAttribute{{Name: "tenant", Type: "String", Value: "acme"}},
			Timestamp:  "2024-05-01T12:34:56.789Z",
		}},
	}
	if diff := cmp.Diff(want, f.intake.Events[0].Envelope, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Several messages in one request are as trustworthy as the weakest signature.
func TestWeakestSignature(t *testing.T) {
	for want, versions := range map[string][]string{
		"signature version 1": {"2", "1", "2"},
		"signature version 2": {"2", "2"},
	} {
		q := &request{slot: -1}
		for _, v := range versions {
			q.messages = append(q.messages, &snsmessage.Message{SignatureVersion: v})
		}
		if got := q.VerifiedBy(); got != want {
			t.Errorf("%q: %q, want %q", versions, got, want)
		}
	}
}

// lambda returns a message as a Lambda function receives it.
func lambda(bodies ...[]byte) []byte {
	var records []string
	for _, b := range bodies {
		sns := strings.NewReplacer("SigningCertURL", "SigningCertUrl", "SubscribeURL", "SubscribeUrl").Replace(string(b))
		records = append(records, `{"EventVersion":"1.0","EventSource":"aws:sns","Sns":`+sns+`}`)
	}
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

func TestBodies(t *testing.T) {
	const other = "arn:aws:sns:ap-northeast-1:123456789012:other-topic"
	message := func(id, text string) snsmessage.Message { return snsmessage.Message{MessageID: id, Message: text} }
	tests := []struct {
		name, settings string
		body           func(*testing.T, *amazon) []byte
		header         []string
		status         int
		types          []string
		quarantined    string
	}{
		{"text", "", func(t *testing.T, a *amazon) []byte { return a.sign(t, message("1", "hello")) }, nil, 200, []string{typeNotification}, ""},
		{"empty", "", func(t *testing.T, a *amazon) []byte { return a.sign(t, message("1", "")) }, nil, 200, []string{typeNotification}, ""},
		{"256 KiB of quotes", "", func(t *testing.T, a *amazon) []byte { return a.sign(t, message("1", strings.Repeat(`"`, 256<<10))) }, nil, 200, []string{typeNotification}, ""},
		{"more than 2 MiB", "", func(t *testing.T, a *amazon) []byte { return a.sign(t, message("1", strings.Repeat(`"`, 1<<20))) }, nil, 413, nil, ""},
		{"the word Records in it", "", func(t *testing.T, a *amazon) []byte { return a.sign(t, message("1", `{"Records":[]}`)) }, nil, 200, []string{typeNotification}, ""},
		{
			"Lambda", "", func(t *testing.T, a *amazon) []byte {
				return lambda(a.sign(t, message("1", "a")), a.sign(t, message("2", "b")))
			}, nil, 200, []string{typeNotification, typeNotification}, "",
		},
		{
			"Lambda, one record tampered with", "", func(t *testing.T, a *amazon) []byte {
				return lambda(a.sign(t, message("1", "a")), bytes.Replace(a.sign(t, message("2", "bbbbb")), []byte("bbbbb"), []byte("ccccc"), 1))
			}, nil, 403, nil, "",
		},
		{"tampered with", "", func(t *testing.T, a *amazon) []byte {
			return bytes.Replace(a.sign(t, message("1", "hello")), []byte("hello"), []byte("hullo"), 1)
		}, nil, 403, nil, ""},
		{"topic of somebody else", "", func(t *testing.T, a *amazon) []byte { return a.sign(t, snsmessage.Message{TopicARN: other}) }, nil, 403, nil, ""},
		{"version 1 of 2", `"require_signature_version":2`, func(t *testing.T, a *amazon) []byte {
			return bytes.Replace(a.sign(t, message("1", "hello")), []byte(`"SignatureVersion":"2"`), []byte(`"SignatureVersion":"1"`), 1)
		}, nil, 403, nil, ""},
		{"header says something else", "", func(t *testing.T, a *amazon) []byte { return a.sign(t, message("1", "hello")) }, []string{headerType, "SubscriptionConfirmation"}, 400, nil, ""},
		{"not JSON", "", func(*testing.T, *amazon) []byte { return []byte("hello") }, nil, 400, nil, ""},
		{"not a message", "", func(*testing.T, *amazon) []byte { return []byte(`{"a":1}`) }, nil, 400, nil, ""},
		{"nothing", "", func(*testing.T, *amazon) []byte { return nil }, nil, 400, nil, ""},
		{"certificate cannot be fetched", "", func(t *testing.T, a *amazon) []byte {
			a.fails.Store(true)
			return a.sign(t, message("1", "hello"))
		}, nil, 503, nil, ""},
		{"somebody unsubscribed us", "", func(t *testing.T, a *amazon) []byte {
			return a.sign(t, snsmessage.Message{Type: snsmessage.UnsubscribeConfirmation, Message: "You have chosen to deactivate"})
		}, nil, 200, []string{typeUnsubscribed}, ""},
		{"S3 inside", `"unwrap_s3":true`, func(t *testing.T, a *amazon) []byte { return a.sign(t, message("1", "x\ny")) }, nil, 200, []string{"s3.object.created", "s3.object.created"}, ""},
		{"S3 inside, nothing of interest", `"unwrap_s3":true`, func(t *testing.T, a *amazon) []byte { return a.sign(t, message("1", "")) }, nil, 200, nil, ""},
		{"S3 expected, something else inside", `"unwrap_s3":true`, func(t *testing.T, a *amazon) []byte { return a.sign(t, message("1", "?")) }, nil, 200, []string{"sns.quarantined"}, "not_s3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.settings)
			w := f.post(tt.body(t, f.amazon), tt.header...)
			if w.Code != tt.status {
				t.Errorf("answer %d %s, want %d; log %s", w.Code, w.Body, tt.status, f.log)
			}
			var types []string
			for _, e := range f.intake.Events {
				types = append(types, e.Envelope.GetType())
				if !strings.HasPrefix(e.Quarantine, tt.quarantined) || e.Quarantine != "" && tt.quarantined == "" {
					t.Errorf("quarantined as %q, want %q", e.Quarantine, tt.quarantined)
				}
			}
			if diff := cmp.Diff(tt.types, types); diff != "" {
				t.Errorf("types (-want +got):\n%s", diff)
			}
			if f.amazon.confirmed.Load() != 0 {
				t.Error("something was confirmed")
			}
		})
	}
}

func TestSubscription(t *testing.T) {
	ask := snsmessage.Message{Type: snsmessage.SubscriptionConfirmation, Message: "You have chosen to subscribe"}
	t.Run("confirmed", func(t *testing.T) {
		f := newFixture(t, "")
		if w := f.post(f.amazon.sign(t, ask)); w.Code != 200 || f.amazon.confirmed.Load() != 1 || len(f.intake.Events) != 0 {
			t.Errorf("answer %d, confirmed %d times, %d events", w.Code, f.amazon.confirmed.Load(), len(f.intake.Events))
		}
	})
	t.Run("left to a person", func(t *testing.T) {
		f := newFixture(t, "")
		f.Webhook = mustNew(t, f, `"auto_confirm":false`)
		if w := f.post(f.amazon.sign(t, ask)); w.Code != 200 || f.amazon.confirmed.Load() != 0 {
			t.Errorf("answer %d, confirmed %d times", w.Code, f.amazon.confirmed.Load())
		}
		if !strings.Contains(f.log.String(), "Action=ConfirmSubscription") {
			t.Errorf("the URL is not logged: %s", f.log)
		}
	})
	t.Run("topic of somebody else", func(t *testing.T) {
		f := newFixture(t, "")
		other := ask
		other.TopicARN = "arn:aws:sns:ap-northeast-1:999999999999:reporting-topic"
		if w := f.post(f.amazon.sign(t, other)); w.Code != 403 || f.amazon.confirmed.Load() != 0 {
			t.Errorf("answer %d, confirmed %d times", w.Code, f.amazon.confirmed.Load())
		}
	})
	t.Run("URL of something else", func(t *testing.T) {
		f := newFixture(t, "")
		other := ask
		other.SubscribeURL = f.amazon.URL + "/?Action=DeleteTopic&TopicArn=" + testTopic + "&Token=0123456789abcdef"
		if w := f.post(f.amazon.sign(t, other)); w.Code != 403 {
			t.Errorf("answer %d", w.Code)
		}
	})
	t.Run("SNS is in trouble", func(t *testing.T) {
		f := newFixture(t, "")
		f.post(f.amazon.sign(t, snsmessage.Message{})) // the certificate is known from here on
		f.amazon.fails.Store(true)
		if w := f.post(f.amazon.sign(t, ask)); w.Code != 503 {
			t.Errorf("answer %d, want SNS to ask again", w.Code)
		}
	})
}

// mustNew returns another source that trusts f's amazon.
func mustNew(t *testing.T, f *fixture, settings string) *source.Webhook {
	t.Helper()
	host := strings.TrimPrefix(f.amazon.URL, "http://")
	s, err := makeWebhook(`{"topics":["`+testTopic+`"],"insecure_cert_hosts":["`+host+`"],`+settings+`}`, deps(f.intake, f.log), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRaw(t *testing.T) {
	const withToken = `"raw":{"tokens":["","correct-horse-battery-staple"]}`
	basic := func(password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("sns:"+password))
	}
	tests := []struct {
		name, settings, authorization, topic, body string
		status                                     int
		challenge                                  bool
		quarantined                                string
	}{
		{"not configured", "", basic("correct-horse-battery-staple"), testTopic, "hello", 403, false, ""},
		{"no token", withToken, "", testTopic, "hello", 401, true, ""},
		{"wrong token", withToken, basic("wrong"), testTopic, "hello", 401, true, ""},
		{"empty token", withToken, basic(""), testTopic, "hello", 401, true, ""},
		{"bearer", withToken, "Bearer correct-horse-battery-staple", testTopic, "hello", 401, true, ""},
		{"token", withToken, basic("correct-horse-battery-staple"), testTopic, "hello", 200, false, ""},
		{"token, other topic", withToken, basic("correct-horse-battery-staple"), testTopic + "-2", "hello", 403, false, ""},
		{"token, no topic", withToken, basic("correct-horse-battery-staple"), "", "hello", 403, false, ""},
		{"token, looks signed", withToken, basic("correct-horse-battery-staple"), testTopic, `{"Type":"SubscriptionConfirmation","Signature":"x"}`, 200, false, ""},
		{"token, not text", withToken, basic("correct-horse-battery-staple"), testTopic, "\xff", 200, false, "not_text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.settings)
			w := f.post([]byte(tt.body), headerRaw, "true", headerTopic, tt.topic, headerID, "m-1", "Authorization", tt.authorization)
			if w.Code != tt.status || (w.Header().Get("WWW-Authenticate") != "") != tt.challenge {
				t.Errorf("answer %d, header %v; log %s", w.Code, w.Header(), f.log)
			}
			if tt.status != http.StatusOK {
				if len(f.intake.Events) != 0 {
					t.Error("stored")
				}
				return
			}
			e := f.intake.Events[0]
			if by := e.Envelope.GetVerifiedBy(); by != "token 2" {
				t.Errorf("verified by %q", by)
			}
			if !strings.HasPrefix(e.Quarantine, tt.quarantined) || tt.quarantined == "" && (e.Envelope.GetId() != "m-1" || e.Envelope.GetSns().GetMessage() != tt.body) {
				t.Errorf("event %v, quarantined as %q", e.Envelope, e.Quarantine)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	tests := []struct{ settings, err, warning string }{
		{`{"topics":["` + testTopic + `"]}`, "", ""},
		{`{"topics":["nonsense"]}`, "topics[0]", ""},
		{`{"topics":[]}`, "", "topics is empty"},
		{`{"topics":["arn:aws:sns:*:*:alarms"]}`, "", "anybody who owns one of them"},
		{`{"topics":["` + testTopic + `"],"require_signature_version":3}`, "require_signature_version", ""},
		{`{"topics":["` + testTopic + `"],"max_age":"30m"}`, "max_age is below 1h5m", ""},
		{`{"topics":["` + testTopic + `"],"unwrap_s3":true}`, "unwrap_s3", ""},
		{`{"topics":["` + testTopic + `"],"raw":{"tokens":[""]}}`, "raw.tokens", ""},
		{`{"topics":["` + testTopic + `"],"raw":{"tokens":["short"]}}`, "", "use at least 24"},
		{`{"topics":["` + testTopic + `"],"path":"no-slash"}`, "path", ""},
		{`{"topics":["` + testTopic + `"],"insecure_cert_hosts":["sns.us-east-1.amazonaws.com"]}`, "insecure_cert_hosts[0]", ""},
	}
	for _, tt := range tests {
		s, err := makeWebhook(tt.settings, deps(&sourcetest.Memory{}, &bytes.Buffer{}), nil)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: error %v, want one about %s", tt.settings, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.settings, err)
			continue
		}
		if got := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(got, tt.warning) || tt.warning == "" && got != "" {
			t.Errorf("%s: warnings %q, want %q", tt.settings, got, tt.warning)
		}
	}
	if s := newFixture(t, "").Webhook; len(s.Info().Insecure) != 1 {
		t.Errorf("insecure options %v, want insecure_cert_hosts", s.Info().Insecure)
	}
}

// The sender learns what it can fix; signatures, tokens and topics have no detail.
func TestProblemDetails(t *testing.T) {
	f := newFixture(t, "")
	for name, tt := range map[string]struct {
		got  *httptest.ResponseRecorder
		want string
	}{
		"not JSON":     {f.post([]byte("x")), "not an SNS message: not_json"},
		"no type":      {f.post([]byte("{}")), "not an SNS message: missing_field: no Type"},
		"type differs": {f.post(f.amazon.sign(t, snsmessage.Message{}), headerType, snsmessage.SubscriptionConfirmation), "the header X-Amz-Sns-Message-Type differs"},
		"raw":          {f.post([]byte("x"), headerRaw, "true"), "raw message delivery is not accepted"},
		"foreign":      {f.post(f.amazon.sign(t, snsmessage.Message{TopicARN: "arn:aws:sns:eu-west-1:1:x"})), ""},
	} {
		var got struct{ Detail string }
		if err := json.Unmarshal(tt.got.Body.Bytes(), &got); err != nil || !strings.HasPrefix(got.Detail, tt.want) || got.Detail != "" && tt.want == "" {
			t.Errorf("%s: %s, want the detail %q", name, tt.got.Body, tt.want)
		}
	}
}
