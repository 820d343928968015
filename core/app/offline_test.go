package app

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/intdash/intdashsend"
	"github.com/pointsman/pointsman/core/source/sourcetest"
)

const (
	topic      = "arn:aws:sns:ap-northeast-1:123456789012:alarms"
	token      = "a-token-of-thirty-two-characters"
	minioPut   = `{"EventName":"s3:ObjectCreated:Put","Key":"main/a b.png","Records":[{"eventVersion":"2.0","eventSource":"minio:s3","awsRegion":"","eventTime":"2024-05-01T12:34:56.789Z","eventName":"s3:ObjectCreated:Put","s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":"main","arn":"arn:aws:s3:::main"},"object":{"key":"a+b.png","size":3,"eTag":"x","sequencer":"17CB"}}}]}`
	completed  = `{"delivery_uuid":"d1","resource_type":"measurement","action":"completed","measurement_uuid":"m1"}`
	plainAlarm = `{"AlarmName":"disk"}`
)

// TestDecodersAgreeWithSources posts what each kind of sender posts, and decodes the same as a sample. Only the proof of who sent it
// may differ, and without the proof the source takes nothing.
func TestDecodersAgreeWithSources(t *testing.T) {
	now := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	for kind, c := range map[string]struct {
		settings, body string
		header         http.Header
		proof          func(h http.Header, body []byte)
	}{
		"intdash": {
			settings: `{"secrets":["` + token + `"]}`, body: completed,
			proof: func(h http.Header, body []byte) {
				h.Set("X-Intdash-Signature-256", intdashsend.Sign([]byte(token), body))
			},
		},
		"s3": {
			settings: `{"tokens":["` + token + `"],"buckets":["main"]}`, body: minioPut,
			proof: func(h http.Header, _ []byte) { h.Set("Authorization", "Bearer "+token) },
		},
		"sns": {
			settings: `{"topics":["` + topic + `"],"raw":{"tokens":["` + token + `"]}}`, body: plainAlarm,
			header: http.Header{"X-Amz-Sns-Rawdelivery": {"true"}, "X-Amz-Sns-Message-Id": {"m1"}, "X-Amz-Sns-Topic-Arn": {topic}},
			proof: func(h http.Header, _ []byte) {
				r := http.Request{Header: h}
				r.SetBasicAuth("sns", token)
			},
		},
	} {
		t.Run(kind, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			kinds := sourceKinds(registry)
			k := kinds[slices.IndexFunc(kinds, func(k source.Kind) bool { return k.Name == kind })]
			intake := &sourcetest.Memory{}
			s, err := k.New([]byte(c.settings), source.Deps{
				Name: "x", Intake: intake, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(registry),
				Now: func() time.Time { return now },
			})
			if err != nil {
				t.Fatal(err)
			}
			post := func(h http.Header) int {
				r := httptest.NewRequest(http.MethodPost, s.Info().Path, bytes.NewReader([]byte(c.body)))
				r.Header = h
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				return w.Code
			}
			header := http.Header{"Content-Type": {"application/json"}}
			maps.Copy(header, c.header)
			if status := post(header.Clone()); status < 400 || len(intake.Events) != 0 {
				t.Errorf("without a proof: status %d, %d events", status, len(intake.Events))
			}
			proven := header.Clone()
			c.proof(proven, []byte(c.body))
			if status := post(proven); status >= 300 || len(intake.Events) != 1 {
				t.Fatalf("with its proof: status %d, %d events", status, len(intake.Events))
			}
			decode, err := k.Decoder([]byte(c.settings), "x")
			if err != nil {
				t.Fatal(err)
			}
			events, err := decode(source.Sample{Header: header, Body: []byte(c.body), Received: now})
			if err != nil || len(events) != 1 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			want := intake.Events[0].Envelope
			if want.VerifiedBy == "" || events[0].Envelope.VerifiedBy != "" {
				t.Errorf("verified by %q, and the sample by %q", want.VerifiedBy, events[0].Envelope.VerifiedBy)
			}
			want.VerifiedBy = ""
			if diff := cmp.Diff(want, events[0].Envelope, protocmp.Transform()); diff != "" {
				t.Errorf("the source and the decoder differ:\n%s", diff)
			}
			if _, err := decode(source.Sample{Body: []byte(c.body), Client: &source.Client{Room: "a"}}); err == nil {
				t.Error("a sample with a room was decoded")
			}
		})
	}
}

// TestNoSourceDecodesSamples: what is mounted on the server has no method that takes or gives a sample or a decoder.
func TestNoSourceDecodesSamples(t *testing.T) {
	for _, k := range sourceKinds(prometheus.NewRegistry()) {
		if k.Decoder == nil {
			t.Errorf("kind %q has no decoder", k.Name)
		}
	}
	o := loadOffline(t, offlineConfig)
	made := offlineSources()
	for _, s := range o.Config.Sources {
		made.makeSource(s)
	}
	if len(made.made) != 4 {
		t.Fatalf("%d sources", len(made.made))
	}
	for _, s := range made.made {
		typ := reflect.TypeOf(s)
		for method := range typ.Methods() {
			for p := range method.Type.Ins() {
				if name := p.String(); strings.Contains(name, "Sample") || strings.Contains(name, "Decoder") {
					t.Errorf("%s.%s takes a %s", typ, method.Name, name)
				}
			}
			for p := range method.Type.Outs() {
				if name := p.String(); strings.Contains(name, "Sample") || strings.Contains(name, "Decoder") {
					t.Errorf("%s.%s gives a %s", typ, method.Name, name)
				}
			}
		}
	}
}

const offlineConfig = `
source "intdash" "lab" { secrets = ["` + token + `"] }
source "s3" "uploads" {
  path   = "/s3"
  tokens = ["` + token + `"]
  sns { topics = ["` + topic + `"] }
}
source "sns" "alarms" { topics = ["` + topic + `"] }
source "websocket" "chat" {
  route  = "$request.body.action"
  routes = ["say", "$default"]
}
plugin "nothing-of-that-name" "ops" {}
rule "all" {
  on   = ["lab"]
  when = true
  dispatch "ops" { text = event.type }
}
`

func loadOffline(t *testing.T, text string) *Offline {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := LoadOffline(t.Context(), Options{Paths: []string{file}})
	if o.Diagnostics.HasErrors() {
		t.Fatal(o.Diagnostics)
	}
	return o
}

// A missing program is a warning, and its rules work.
func TestOffline(t *testing.T) {
	o := loadOffline(t, offlineConfig)
	if len(o.NotInstalled) != 1 || o.NotInstalled[0].Name != "ops" || o.Diagnostics.Warnings() == 0 {
		t.Errorf("not installed: %+v; %d warnings", o.NotInstalled, o.Diagnostics.Warnings())
	}
	chat := func(client source.Client, body string) source.Sample {
		return source.Sample{Client: &client, Body: []byte(body)}
	}
	sns := func(kind, message string) source.Sample {
		return source.Sample{Body: []byte(`{"Type":"` + kind + `","MessageId":"1","TopicArn":"` + topic + `","Timestamp":"2024-05-01T12:34:56.789Z","Message":` + message + `}`)}
	}
	for _, c := range []struct {
		source string
		sample source.Sample
		want   string // the types and subjects, or a part of the error
	}{
		{"lab", source.Sample{Body: []byte(completed)}, "intdash.measurement.completed m1"},
		{"lab", source.Sample{Body: []byte(`{"a"`)}, "not_json"},
		{"uploads", source.Sample{Body: []byte(minioPut)}, "s3.object.created main/a b.png"},
		{"uploads", sns("Notification", `"{\"Records\":[]}"`), "no_records"},
		{"uploads", sns("SubscriptionConfirmation", `""`), "makes no event"},
		{"alarms", sns("Notification", `"hello"`), "sns.notification " + topic},
		{"alarms", sns("UnsubscribeConfirmation", `"bye"`), "sns.unsubscribed " + topic},
		{"alarms", sns("SubscriptionConfirmation", `"?"`), "makes no event"},
		{"alarms", source.Sample{Body: []byte(`{"Type":"Notification"}`)}, "no MessageId"},
		{"chat", chat(source.Client{Room: "a"}, "hi"), "websocket.message a"},
		{"chat", chat(source.Client{Room: "a"}, `{"room":"b","action":"say"}`), "websocket.message b"},
		{"chat", chat(source.Client{Room: "a", Event: "connect"}, ""), "websocket.connect a"},
		{"chat", chat(source.Client{Room: "a", Event: "disconnect"}, ""), "websocket.disconnect a"},
		{"chat", chat(source.Client{Room: "a", Event: "reconnect"}, ""), "not \"reconnect\""},
		{"chat", chat(source.Client{Room: "a b"}, ""), "\"a b\" is none"},
		{"chat", source.Sample{Body: []byte("hi")}, "the room is missing"},
		{"chat", chat(source.Client{Room: "a"}, `{"$join":"b"}`), "command"},
		{"chat", chat(source.Client{Room: "a"}, "\xff"), "no binary"},
		{"nobody", source.Sample{}, "could not be read"},
	} {
		events, err := o.Decode(c.source, c.sample)
		var got []string
		for _, e := range events {
			got = append(got, e.Envelope.Type+" "+e.Envelope.Subject)
		}
		if err != nil {
			got = append(got, err.Error())
		}
		if text := strings.Join(got, "; "); !strings.Contains(text, c.want) || err == nil && text != c.want {
			t.Errorf("%s %s: got %q, want %q", c.source, c.sample.Body, text, c.want)
		}
	}
	if o.Source("chat").Kind != "websocket" || o.Source("nobody") != nil {
		t.Error("Source finds the wrong block")
	}
}
