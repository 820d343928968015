package s3send

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/s3"
	"github.com/pointsman/pointsman/core/source/sourcetest"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// sendable maps recorded requests to the messages that reproduce them.
var sendable = map[string]string{
	"aws-put": "created", "aws-delete": "removed", "aws-tagging-2.3": "tagged",
	"ceph-put": "created", "ceph-raw-key": "created", "ceph-empty": "created", "ceph-japanese": "created", "ceph-copy": "copied",
	"ceph-multipart": "multipart", "ceph-delete": "removed", "ceph-delete-marker": "marker", "ceph-delete-nothing": "removed",
	"eventbridge-created": "created", "eventbridge-deleted": "marker",
	"minio-put": "created", "minio-auth": "created", "minio-escaped": "created", "minio-japanese": "created", "minio-empty": "created",
	"minio-unversioned-put": "created", "minio-copy": "copied", "minio-multipart": "multipart", "minio-tagging": "tagged",
	"minio-get": "s3:ObjectAccessed:Get", "minio-delete-version": "removed", "minio-unversioned-delete": "removed", "minio-delete-marker": "marker",
	"versitygw-put": "created", "versitygw-raw-key": "created", "versitygw-japanese": "created", "versitygw-empty": "created",
	"versitygw-copy": "copied", "versitygw-versioned-copy": "copied", "versitygw-multipart": "multipart", "versitygw-tagging": "tagged",
	"versitygw-delete": "removed", "versitygw-delete-nothing": "removed", "versitygw-delete-objects": "ObjectRemoved:DeleteObjects",
	"vk-put": "created",
}

// A Message reproduces a recorded notification: the same meaning and the same members in the same order.
func TestSentAsRecorded(t *testing.T) {
	for name, word := range sendable {
		t.Run(name, func(t *testing.T) {
			store := recorded(t, name)
			want := readBack(t, store)
			m := messageOf(t, want)
			m.Event = word
			sent, err := m.Body()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, readBack(t, string(sent)), protocmp.Transform()); diff != "" {
				t.Errorf("-store +sent:\n%s", diff)
			}
			if diff := cmp.Diff(members(t, []byte(store)), members(t, sent)); diff != "" {
				t.Errorf("members, -store +sent:\n%s\n%s", diff, sent)
			}
		})
	}
}

// messageOf returns the message with the content of an envelope.
func messageOf(t *testing.T, e *pointsmanv1.Envelope) *Message {
	t.Helper()
	d, o := e.GetS3(), e.GetS3().GetObject()
	m, err := NewMessage(time.Unix(0, e.GetTimeUnixNano()), d.GetDialect())
	if err != nil {
		t.Fatal(err)
	}
	m.Bucket, m.Key, m.Size, m.ETag = o.GetBucket(), o.GetKey(), o.GetSize(), o.GetEtag()
	m.VersionID, m.Sequencer, m.Region, m.Principal = o.GetVersionId(), o.GetSequencer(), d.GetRegion(), d.GetPrincipalId()
	m.SourceIP, m.Configuration, m.RequestID, m.EventID = d.GetSourceIp(), d.GetConfigurationId(), d.GetRequestId(), e.GetId()
	for _, a := range e.GetAttributes() {
		if a.GetName() == "content_type" {
			m.ContentType = a.GetValue()
		}
	}
	return m
}

func readBack(t *testing.T, body string) *pointsmanv1.Envelope {
	t.Helper()
	events, err := s3.Decode("auto", []byte(body), s3.DecodeOptions{})
	if err != nil || len(events) != 1 || events[0].Quarantine != "" {
		t.Fatalf("%d events, %v of %s", len(events), err, body)
	}
	return events[0].Envelope
}

// members returns the names of all members in order, with the kind of their value, without the user's own metadata.
func members(t *testing.T, body []byte) []string {
	t.Helper()
	var list []string
	var walk func(path string, text json.RawMessage)
	walk = func(path string, text json.RawMessage) {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		open, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch delim, nested := open.(json.Delim); {
		case !nested:
			list = append(list, fmt.Sprintf("%s %T", path, open))
		case strings.HasSuffix(path, "userMetadata") || strings.HasSuffix(path, ".metadata"):
			list = append(list, path+" "+delim.String())
		default:
			list = append(list, path+" "+delim.String())
			for i := 0; dec.More(); i++ {
				at := fmt.Sprint(path, "[", i, "]")
				if delim == '{' {
					name, err := dec.Token()
					if err != nil {
						t.Fatal(err)
					}
					at = path + "." + name.(string)
				}
				var value json.RawMessage
				if err := dec.Decode(&value); err != nil {
					t.Fatal(err)
				}
				walk(at, value)
			}
		}
	}
	walk("", body)
	return list
}

func TestSentKeys(t *testing.T) {
	keys := []string{
		"plain", "a b+c&d=e%f?g#h.txt", "日本語/ファイル é.txt", "100%", "%2F", "+", "../../etc/passwd", "trailing/", "/leading", "a//b",
		`quo"te\back`, "tab\tnew\nline", "<b>&amp;", "\u2028", "emoji 🐈", strings.Repeat("k", 1024),
	}
	for _, dialect := range Dialects() {
		for _, key := range keys {
			m := newTestMessage(t, dialect)
			m.Key = key
			body, err := m.Body()
			if err != nil {
				t.Fatal(err)
			}
			o := readBack(t, string(body)).GetS3().GetObject()
			if o.GetKey() != key || o.GetSequence() == "" && dialect != "versitygw" {
				t.Errorf("%s: sent %q, read %q with sequence %q", dialect, key, o.GetKey(), o.GetSequence())
			}
		}
	}
}

// newReceiver returns a source that stores events in memory.
func newReceiver(t *testing.T, settings string) (source.Source, *sourcetest.Memory) {
	t.Helper()
	var intake sourcetest.Memory
	receiver, err := s3.Kind().New([]byte(settings), source.Deps{
		Name: "lab", Intake: &intake, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry()), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return receiver, &intake
}

// recorded returns the body of a recorded request of a store.
func recorded(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "golden", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(text), "\r\n\r\n")
	if !ok {
		t.Fatalf("%s: no empty line after the header", name)
	}
	return body
}

func newTestMessage(t *testing.T, dialect string) *Message {
	t.Helper()
	m, err := NewMessage(time.Date(2026, 11, 22, 2, 59, 36, 431000000, time.UTC), dialect)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSentEvents(t *testing.T) {
	types := map[string]string{
		"created": "s3.object.created", "copied": "s3.object.created", "multipart": "s3.object.created",
		"removed": "s3.object.removed", "marker": "s3.object.removed", "tagged": "s3.object.tagged",
	}
	never := map[string]bool{"ceph tagged": true, "vk tagged": true, "vk marker": true, "versitygw marker": true}
	for _, dialect := range Dialects() {
		for _, event := range Events() {
			m := newTestMessage(t, dialect)
			m.Event = event
			body, err := m.Body()
			if never[dialect+" "+event] {
				if err == nil {
					t.Errorf("%s sent %q: %s", dialect, event, body)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s %s: %v", dialect, event, err)
				continue
			}
			got := readBack(t, string(body))
			if versioned := got.GetS3().GetObject().GetVersionId() != ""; got.GetType() != types[event] || versioned != (event == "marker" && dialect != "ceph") {
				t.Errorf("%s %s is read as %v", dialect, event, got)
			}
		}
	}
}

func TestSentSequencersGrow(t *testing.T) {
	for _, dialect := range Dialects() {
		m, last := newTestMessage(t, dialect), ""
		for range 600 {
			m.Time = m.Time.Add(1234567 * time.Microsecond)
			body, err := m.Body()
			if err != nil {
				t.Fatal(err)
			}
			next := readBack(t, string(body)).GetS3().GetObject().GetSequence()
			if next <= last && dialect != "versitygw" {
				t.Fatalf("%s: %q comes after %q", dialect, next, last)
			}
			last = next
		}
	}
}

func TestSentRecords(t *testing.T) {
	for _, dialect := range Dialects() {
		m := newTestMessage(t, dialect)
		m.Records = 3
		body, err := m.Body()
		if senders[dialect].record == nil {
			if err == nil {
				t.Errorf("%s sent several records: %s", dialect, body)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		events, err := s3.Decode("auto", body, s3.DecodeOptions{})
		if err != nil || len(events) != 3 {
			t.Fatalf("%s: %d events, %v", dialect, len(events), err)
		}
		if got := events[2].Envelope.GetSubject(); got != "uploads/photos/cat-3.jpg" {
			t.Errorf("%s: the third is of %s", dialect, got)
		}
	}
}

func TestSentTestEvents(t *testing.T) {
	want := map[string]string{
		"versitygw": `{"Bucket":"Test-Bucket","Event":"s3:TestEvent","Service":"S3","Time":"2026-11-22T02:59:36Z"}`,
		"aws": `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-22T02:59:36.431Z","Bucket":"uploads","RequestId":"5A5A5A5A5A5A5A5A",` +
			`"HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"}`,
	}
	for dialect, text := range want {
		m := newTestMessage(t, dialect)
		m.Event, m.RequestID = TestEvent, "5A5A5A5A5A5A5A5A"
		body, err := m.Body()
		if err != nil || string(body) != text {
			t.Errorf("%s sends %s, %v", dialect, body, err)
		}
		if events, err := s3.Decode("auto", body, s3.DecodeOptions{}); err != nil || len(events) != 0 {
			t.Errorf("%s: read as %d events, %v", dialect, len(events), err)
		}
	}
}

func TestMessageMistakes(t *testing.T) {
	if _, err := NewMessage(time.Now(), "gcs"); err == nil || !strings.Contains(err.Error(), "aws, ceph, eventbridge") {
		t.Errorf("unknown dialect: %v", err)
	}
	tests := map[string]func(m *Message){
		"no dialect":         func(m *Message) { m.Dialect = "gcs" },
		"no event":           func(m *Message) { m.Event = "exploded" },
		"one record":         func(m *Message) { m.Dialect, m.Records = "minio", 2 },
		"a number":           func(m *Message) { m.Dialect, m.Sequencer = "vk", "0x10" },
		"send no test event": func(m *Message) { m.Dialect, m.Event = "ceph", TestEvent },
	}
	for want, spoil := range tests {
		m := newTestMessage(t, "aws")
		spoil(m)
		if body, err := m.Body(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v, %s", want, err, body)
		}
	}
}

func TestRequestShowsTheToken(t *testing.T) {
	tests := map[string]struct{ path, authorization string }{
		"minio":       {"/hooks/s3", "Bearer se/cret"},
		"aws":         {"/hooks/s3", "Bearer se/cret"},
		"eventbridge": {"/hooks/s3", "Bearer se/cret"},
		"ceph":        {"/hooks/s3/se%2Fcret", ""},
		"vk":          {"/hooks/s3/se%2Fcret", ""},
		"versitygw":   {"/hooks/s3/se%2Fcret", ""},
	}
	for dialect, want := range tests {
		r, err := NewRequest(t.Context(), dialect, "http://127.0.0.1/hooks/s3?a=b", schema.NewSecret("se/cret"), []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if r.URL.EscapedPath() != want.path || r.URL.RawQuery != "a=b" || r.Header.Get("Authorization") != want.authorization || r.Method != http.MethodPost {
			t.Errorf("%s: %s %s with %v", dialect, r.Method, r.URL, r.Header)
		}
	}
}

func TestConfirmation(t *testing.T) {
	c := &Confirmation{Topic: "mcs2883541269|bucketA|s3:ObjectCreated:Put", Token: "RPE5UuG94rGgBH6kHXN9FUPugFxj1hs2aUQc99btJp3E49tA"}
	c.Time = time.Date(2019, 12, 26, 16, 29, 12, 0, time.UTC)
	const signature = `{"signature":"ea3fce4bb15c6de4fec365d36bcebbc34ccddf54616d5ca12e1972f82b6d37af"}` // of VK's documentation
	if err := c.Check([]byte(signature), "http://test.com"); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"http://test.com/", "https://test.com", ""} {
		if err := c.Check([]byte(signature), wrong); err == nil {
			t.Errorf("taken for %q", wrong)
		}
	}
	for _, answer := range []string{"", "{}", `{"signature":1}`, `{"signature":"ef42c31305fc443f1c6d1d84b7ff8b98ffd764866197393d478369d5439a54f8"}`} {
		if err := c.Check([]byte(answer), "http://test.com"); err == nil {
			t.Errorf("%q taken", answer)
		}
	}
}

func TestConfirmationIsAnswered(t *testing.T) {
	const token = "only-for-this-test-0123456789"
	const public = "https://router.example.com/hooks/lab/" + token
	receiver, _ := newReceiver(t, `{"path":"/hooks/lab","tokens":["`+token+`"],"public_url":"`+public+`"}`)
	c := NewConfirmation(time.Now(), "main")
	body, err := c.Body()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRequest(t.Context(), "vk", "http://127.0.0.1/hooks/lab", schema.NewSecret(token), body)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	receiver.ServeHTTP(w, r)
	if err := c.Check(w.Body.Bytes(), public); w.Code != http.StatusOK || err != nil {
		t.Errorf("answer %d %s: %v", w.Code, w.Body, err)
	}
}
