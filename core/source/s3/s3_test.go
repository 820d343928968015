package s3

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/core/source/sourcetest"
)

// Every recorded request gets 200 and is stored unchanged.
func TestRecordedRequestsOverHTTP(t *testing.T) {
	for _, name := range []string{"minio-auth", "minio-put", "ceph-put", "versitygw-put", "vk-put", "eventbridge-created", "aws-put", "aws-unknown-version"} {
		f := newFixture(t, settings32)
		body := recorded(t, name)
		w := f.post(body)
		if w.Code != http.StatusOK || w.Body.Len() != 0 || len(f.intake.Events) != 1 {
			t.Fatalf("%s: answer %d %q, %d stored", name, w.Code, w.Body, len(f.intake.Events))
		}
		e := f.intake.Events[0]
		if string(e.Envelope.GetBody()) != body || e.Envelope.GetKind() != Name || e.Envelope.GetSource() != "uploads" {
			t.Errorf("%s: stored %v", name, e.Envelope)
		}
		if w := f.post(body); w.Code != http.StatusOK || len(f.intake.Events) != 1 {
			t.Errorf("%s: sent again it is answered %d, and %d are stored", name, w.Code, len(f.intake.Events))
		}
		if got := f.counted(t, "events_duplicate_total", "source", "uploads"); got != 1 {
			t.Errorf("%s: counted %v duplicates", name, got)
		}
	}
	f := newFixture(t, settings32)
	for _, name := range []string{"aws-test", "versitygw-test"} {
		if w := f.post(recorded(t, name)); w.Code != http.StatusOK || len(f.intake.Events) != 0 {
			t.Errorf("%s: answer %d, stored %v", name, w.Code, f.intake.Events)
		}
	}
	if w := f.post(recorded(t, "aws-good-and-bad")); w.Code != http.StatusOK || len(f.intake.Events) != 5 {
		t.Errorf("good and bad: answer %d, %d stored", w.Code, len(f.intake.Events))
	}
	if got := f.counted(t, "events_quarantined_total", "reason", unknownVersion); got != 1 {
		t.Errorf("counted %v of an unknown version", got)
	}
}

func TestTokens(t *testing.T) {
	base := "/hooks/uploads"
	tests := []struct {
		name, path string
		headers    []string
		status     int
		reason     string // of the refusal
		slot       string // of the token that proved it
	}{
		{"Bearer", base, []string{"Bearer " + tokenNew}, 200, "", "0"},
		{"bearer", base, []string{"bearer " + tokenNew}, 200, "", "0"},
		{"Bearer with more spaces", base, []string{"Bearer   " + tokenNew}, 200, "", "0"},
		{"old token", base, []string{"Bearer " + tokenOld}, 200, "", "2"},
		{"bare", base, []string{tokenOld}, 200, "", "2"},
		{"Basic", base, []string{basic("anybody", tokenNew)}, 200, "", "0"},
		{"Basic without a user", base, []string{basic("", tokenOld)}, 200, "", "2"},
		{"path", base + "/" + tokenNew, nil, 200, "", "0"},
		{"path, whatever the header", base + "/" + tokenOld, []string{"Bearer x"}, 200, "", "2"},
		{"path, header twice", base + "/" + tokenOld, []string{"x", "y"}, 200, "", "2"},
		{"path and query", base + "/" + tokenOld + "?a=b", nil, 200, "", "2"},
		{"nothing", base, nil, 401, tokenMissing, ""},
		{"empty", base, []string{""}, 401, tokenMismatch, ""},
		{"Bearer of nothing", base, []string{"Bearer "}, 401, tokenMismatch, ""},
		{"Bearer of another", base, []string{"Bearer x"}, 401, tokenMismatch, ""},
		{"other case", base, []string{"Bearer " + strings.ToUpper(tokenNew)}, 401, tokenMismatch, ""},
		{"beginning", base, []string{"Bearer " + tokenNew[:len(tokenNew)-1]}, 401, tokenMismatch, ""},
		{"more", base, []string{"Bearer " + tokenNew + "x"}, 401, tokenMismatch, ""},
		{"another scheme", base, []string{"Digest " + tokenNew}, 401, tokenMismatch, ""},
		{"token as the user of Basic", base, []string{basic(tokenNew, "")}, 401, tokenMismatch, ""},
		{"Basic of the whole", base, []string{"Basic " + tokenNew}, 401, tokenMismatch, ""},
		{"header twice", base, []string{"Bearer " + tokenNew, "Bearer " + tokenNew}, 401, tokenDoubled, ""},
		{"token in the query", base + "?token=" + tokenNew, nil, 401, tokenMissing, ""},
		{"wrong segment", base + "/x", nil, 404, pathMismatch, ""},
		{"wrong segment, good header", base + "/x", []string{"Bearer " + tokenNew}, 404, pathMismatch, ""},
		{"no segment after the slash", base + "/", []string{"Bearer " + tokenNew}, 404, pathMismatch, ""},
		{"segment before the token", base + "/x/" + tokenNew, nil, 404, pathMismatch, ""},
		{"segment after the token", base + "/" + tokenNew + "/x", nil, 404, pathMismatch, ""},
		{"slash after the token", base + "/" + tokenNew + "/", nil, 404, pathMismatch, ""},
		{"slash before the token", base + "//" + tokenNew, nil, 404, pathMismatch, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, settings32)
			var headers []string
			for _, v := range tt.headers {
				headers = append(headers, "Authorization", v)
			}
			w := f.postTo(tt.path, bodyOf(putRecord), headers...)
			if tt.reason == "" {
				if w.Code != tt.status || len(f.intake.Events) != 1 {
					t.Errorf("answer %d %s", w.Code, w.Body)
				}
				if got := f.counted(t, "source_secret_used_total", "slot", tt.slot); got != 1 {
					t.Errorf("token %s counted %v times", tt.slot, got)
				}
				want := map[string]string{"0": "token 1", "2": "token 3"}[tt.slot]
				if by := f.intake.Events[0].Envelope.GetVerifiedBy(); by != want {
					t.Errorf("verified by %q, want %q", by, want)
				}
				return
			}
			wantProblem(t, w, tt.status, map[int]string{401: "unauthorized", 404: "unknown_path"}[tt.status])
			if got := f.counted(t, "source_auth_failures_total", "reason", tt.reason); got != 1 {
				t.Errorf("counted %v of %s", got, tt.reason)
			}
			if len(f.intake.Events) != 0 {
				t.Errorf("stored %v", f.intake.Events)
			}
			if text := f.log.String() + w.Body.String(); strings.Contains(text, tokenNew) || strings.Contains(text, "a.txt") {
				t.Errorf("log or answer tells too much:\n%s", text)
			}
		})
	}
}

func basic(user, password string) string {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// MinIO sends a token of two words as it is. A token with characters that a path cannot contain is sent in a header.
func TestUnusualTokens(t *testing.T) {
	for token, header := range map[string]string{"ServiceX abcdefghijklmnopqrstuvwxyz": "ServiceX abcdefghijklmnopqrstuvwxyz", "a/b?c#d%e-abcdefghijklmnop": "Bearer a/b?c#d%e-abcdefghijklmnop", "Bearer inside the token, of 32": "Bearer inside the token, of 32"} {
		settings, err := json.Marshal(map[string]any{"tokens": []string{token}})
		if err != nil {
			t.Fatal(err)
		}
		f := newFixture(t, string(settings))
		if w := f.postTo(f.Info().Path, bodyOf(putRecord), "Authorization", header); w.Code != http.StatusOK {
			t.Errorf("%s: answer %d", token, w.Code)
		}
	}
}

func TestHealth(t *testing.T) {
	f := newFixture(t, settings32)
	for _, method := range []string{http.MethodGet, http.MethodHead} { // MinIO asks so at its start
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(method, f.Info().Path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

func TestRefusedOverHTTP(t *testing.T) {
	f := newFixture(t, `{"tokens":["`+tokenNew+`"],"buckets":["main","logs-*"]}`)
	wantProblem(t, f.post(bodyOf(putRecord)), http.StatusForbidden, "forbidden")
	wantProblem(t, f.post(bodyOf(strings.Replace(putRecord, "src", "main", 1), putRecord)), http.StatusForbidden, "forbidden")
	if got := f.counted(t, "source_auth_failures_total", "reason", reasonBucket); got != 2 || len(f.intake.Events) != 0 {
		t.Errorf("counted %v, stored %v", got, f.intake.Events)
	}
	if w := f.post(bodyOf(strings.Replace(putRecord, "src", "logs-1", 1))); w.Code != http.StatusOK || len(f.intake.Events) != 1 {
		t.Errorf("a bucket of the list: %d", w.Code)
	}
	minio := strings.TrimSuffix(strings.SplitN(recorded(t, "minio-put"), `"Records":[`, 2)[1], "]}")
	wantProblem(t, f.post(bodyOf(slices.Repeat([]string{minio}, 10_000)...)), http.StatusRequestEntityTooLarge, "body_too_large")
	small := newFixture(t, settings32)
	if w := small.post(bodyOf(slices.Repeat([]string{`{"eventSource":"aws:s3"}`}, 10_000)...)); w.Code != http.StatusOK || len(small.intake.Events) != 1 {
		t.Errorf("10,000 small records: answer %d, %d stored", w.Code, len(small.intake.Events))
	}
	if got := small.counted(t, "events_quarantined_total", "reason", tooManyRecords); got != 1 {
		t.Errorf("counted %v of %s", got, tooManyRecords)
	}
	small.intake.Err = errors.New("journal is full")
	wantProblem(t, small.post(bodyOf(putRecord, putRecord)), http.StatusServiceUnavailable, "not_stored")
}

func TestNewRefusesSettings(t *testing.T) {
	tok, snsBlock := `"tokens":["`+tokenNew+`"]`, `"sns":{"topics":["`+topicUploads+`"]}`
	tests := []struct{ settings, want string }{
		{`{}`, "tokens"},
		{`{"tokens":[]}`, "tokens"},
		{`{"tokens":[""]}`, "tokens: every secret is empty"},
		{`{"tokens":[""],` + snsBlock + `}`, "tokens"},
		{`{"tokens":[""],"allow_anonymous":true}`, "tokens"},
		{`{` + tok + `,"allow_anonymous":true}`, "allow_anonymous"},
		{`{` + tok + `,"dialect":"gcs"}`, "dialect"},
		{`{` + tok + `,"dialect":"sns"}`, "dialect"},
		{`{` + tok + `,"decode_keys":"sometimes"}`, "decode_keys"},
		{`{` + tok + `,"dedupe_window":"-1s"}`, "dedupe_window"},
		{`{` + tok + `,"path":"hooks"}`, `must start with "/"`},
		{`{` + tok + `,"path":"/a/../b"}`, "matched exactly"},
		{`{` + tok + `,"buckets":["main",""]}`, "buckets[1]"},
		{`{` + tok + `,"buckets":["lo[gs"]}`, "buckets[0]"},
		{`{` + tok + `,"buckets":["a?"]}`, "buckets[0]"},
		{`{` + tok + `,"bucket":"a"}`, "bucket"},
		{`{` + tok + `,"public_url":"router.example.com/hooks/uploads/` + tokenNew + `"}`, "public_url"},
		{`{` + tok + `,"public_url":"/hooks/uploads/` + tokenNew + `"}`, "public_url"},
		{`{` + tok + `,"public_url":"ftp://router.example.com/hooks/uploads/` + tokenNew + `"}`, "public_url"},
		{`{` + tok + `,"public_url":"https://router.example.com/%zz"}`, "public_url"},
		{`{` + tok + `,"public_url":"https://router.example.com/hooks/uploads/x` + tokenNew + `"}`, "public_url"},
		{`{` + tok + `,"public_url":"https://router.example.com/hooks/uploads"}`, "public_url"},
		{`{` + tok + `,"public_url":"https://router.example.com/other/` + tokenNew + `"}`, "public_url"},
		{`{"allow_anonymous":true,"public_url":"https://router.example.com/other"}`, "public_url"},
		{`{"sns":{}}`, "topics"},
		{`{"sns":{"topics":[]}}`, "topics"},
		{`{"sns":{"topics":[""]}}`, "sns.topics[0]"},
		{`{"sns":{"topics":["my-topic"]}}`, "sns.topics[0]"},
		{`{"sns":{"topics":["` + topicUploads + `"],"require_signature_version":3}}`, "sns.require_signature_version"},
		{`{"sns":{"topics":["` + topicUploads + `"],"insecure_cert_hosts":["http://x"]}}`, "sns.insecure_cert_hosts[0]"},
		{`{"dialect":"minio",` + snsBlock + `}`, "sns"},
	}
	for _, tt := range tests {
		_, err := makeWebhook(tt.settings, source.Deps{
			Name: "uploads", Intake: &sourcetest.Memory{}, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry()),
		}, snsmessage.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `"uploads"`) {
			t.Errorf("settings %s: %v, want an error about %q", tt.settings, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), tokenNew) {
			t.Errorf("error shows the token: %v", err)
		}
	}
}

func TestSettings(t *testing.T) {
	f := newFixture(t, `{"tokens":["`+tokenNew+`"],"path":"/in/s3","dedupe_window":"1h30m","decode_keys":"never"}`)
	if f.Info().Path != "/in/s3" || f.Info().Name != "uploads" || f.Info().Kind != Name || len(f.Info().Warnings) != 0 || len(f.Info().Insecure) != 0 || !f.Info().Subtree {
		t.Errorf("path %q, name %q, kind %q, warnings %q, insecure %q, subtree %t", f.Info().Path, f.Info().Name, f.Info().Kind, f.Info().Warnings, f.Info().Insecure, f.Info().Subtree)
	}
	f.post(bodyOf(changed(t, "a.txt", "a+b")))
	if e := f.intake.Events[0]; e.Keys[0].Window != 90*time.Minute || e.Envelope.GetSubject() != "src/a+b" {
		t.Errorf("window %s, subject %s", e.Keys[0].Window, e.Envelope.GetSubject())
	}
	anybody := newFixture(t, `{"allow_anonymous":true}`)
	if anybody.Info().Path != "/hooks/uploads" || anybody.Info().Subtree {
		t.Errorf("path %q, subtree %t", anybody.Info().Path, anybody.Info().Subtree)
	}
	if w := anybody.postTo("/hooks/uploads", bodyOf(putRecord)); w.Code != http.StatusOK || len(anybody.intake.Events) != 1 {
		t.Errorf("anonymous: answer %d", w.Code)
	}
	wantProblem(t, anybody.postTo("/hooks/uploads/x", bodyOf(putRecord)), http.StatusNotFound, "unknown_path")
}

func TestWarnings(t *testing.T) {
	tests := []struct {
		settings           string
		warnings, insecure []string
	}{
		{
			`{"tokens":["short","","` + strings.Repeat("t", 24) + `\n"]}`,
			[]string{
				"tokens[0] is 5 bytes long; use at least 24", "tokens[1] is empty and ignored: check that its environment variable is set",
			},
			nil,
		},
		{`{"allow_anonymous":true}`, []string{"allow_anonymous: anybody who can reach /hooks/uploads can send events"}, []string{"allow_anonymous"}},
		{`{"sns":{"topics":["` + topicUploads + `"]}}`, nil, nil},
		{
			`{"sns":{"topics":["arn:aws:sns:*:*:x"],"insecure_cert_hosts":["localhost"]}}`,
			[]string{
				"sns.topics[0] matches more than one account: anybody who owns one of them can send",
				"sns.insecure_cert_hosts: localhost can sign any message; use it for tests only",
			},
			[]string{"sns.insecure_cert_hosts"},
		},
	}
	for _, tt := range tests {
		f := newFixture(t, tt.settings)
		if diff := cmp.Diff(tt.warnings, f.Info().Warnings); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", tt.settings, diff)
		}
		if diff := cmp.Diff(tt.insecure, f.Info().Insecure); diff != "" {
			t.Errorf("%s: insecure (-want +got):\n%s", tt.settings, diff)
		}
	}
}
