package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/core/source/snsmessage/snssend"
)

const (
	topicUploads = "arn:aws:sns:ap-northeast-1:123456789012:s3-uploads"
	topicOther   = "arn:aws:sns:ap-northeast-1:123456789012:alarms"
)

// amazon is a local emulation of SNS.
type amazon struct {
	*httptest.Server
	topic *snssend.Topic
	host  string
}

func newAmazon(t testing.TB, arn string) *amazon {
	t.Helper()
	a := &amazon{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.topic.ServeHTTP(w, r) }))
	t.Cleanup(a.Close)
	a.host = strings.TrimPrefix(a.URL, "http://")
	var err error
	if a.topic, err = snssend.NewTopic(arn, a.host); err != nil {
		t.Fatal(err)
	}
	return a
}

// settings returns the settings of a source that accepts topicUploads from a.
func (a *amazon) settings(more string) string {
	return fmt.Sprintf(`{"sns":{"topics":[%q],"insecure_cert_hosts":[%q]%s}}`, topicUploads[:len(topicUploads)-len("uploads")]+"*", a.host, more)
}

func (a *amazon) fixture(t testing.TB, settings string) *fixture {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return newSNSFixture(t, settings, snsmessage.Options{Transport: transport})
}

func (a *amazon) notification(t testing.TB, text string) string {
	t.Helper()
	body, err := a.topic.Body(testTime, "2", snsmessage.Message{Message: text})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestSNSNotification(t *testing.T) {
	a := newAmazon(t, topicUploads)
	f := a.fixture(t, a.settings(""))
	body := a.notification(t, bodyOf(putRecord))
	for range 2 {
		if w := f.postTo("/hooks/uploads", body, "Content-Type", "text/plain; charset=UTF-8"); w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Fatalf("answer %d %s\n%s", w.Code, w.Body, f.log)
		}
	}
	if len(f.intake.Events) != 1 {
		t.Fatalf("stored %v, want one event", f.intake.Events)
	}
	e := f.intake.Events[0].Envelope
	if e.GetSubject() != "src/a.txt" || e.GetS3().GetDialect() != dialectAWS || string(e.GetBody()) != body || e.GetVerifiedBy() != "signature version 2" {
		t.Errorf("stored %v", e)
	}
	if w := f.postTo("/hooks/uploads", a.notification(t, recorded(t, "aws-test"))); w.Code != http.StatusOK || len(f.intake.Events) != 1 {
		t.Errorf("test event: %d, %v", w.Code, f.intake.Events)
	}
	if w := f.postTo("/hooks/uploads", a.notification(t, "no JSON")); w.Code != http.StatusOK || len(f.intake.Events) != 2 || f.intake.Events[1].Quarantine == "" {
		t.Errorf("no notification of S3: %d, %v", w.Code, f.intake.Events)
	}
	if w := f.postTo("/hooks/uploads", a.notification(t, bodyOf(strings.Repeat(" ", 1_500_000)+putRecord))); w.Code != http.StatusOK {
		t.Errorf("a body of 1.5 MB: %d", w.Code)
	}
	wantProblem(t, f.postTo("/hooks/uploads", strings.Repeat(" ", 2<<20)+body), http.StatusRequestEntityTooLarge, "body_too_large")
}

func TestSNSIsRefused(t *testing.T) {
	a, other := newAmazon(t, topicUploads), newAmazon(t, topicOther)
	body := a.notification(t, bodyOf(putRecord))
	withTokens := `{"tokens":["` + tokenNew + `"],` + a.settings("")[1:]
	const path = "/hooks/uploads"
	bearer := []string{"Authorization", "Bearer " + tokenNew}
	tests := []struct {
		name, settings, path, body string
		headers                    []string
		status                     int
		code, reason               string
	}{
		{"a byte of the message", a.settings(""), path, strings.Replace(body, "a.txt", "b.txt", 1), nil, 403, "forbidden", "sig_mismatch"},
		{"with a token all the same", withTokens, path, strings.Replace(body, "a.txt", "b.txt", 1), bearer, 403, "forbidden", "sig_mismatch"},
		{"with the token in the path", withTokens, path + "/" + tokenNew, strings.Replace(body, "a.txt", "b.txt", 1), nil, 403, "forbidden", "sig_mismatch"},
		{"a good one at a wrong path", withTokens, path + "/x", body, nil, 404, "unknown_path", pathMismatch},
		{"another topic", a.settings(""), path, other.notification(t, bodyOf(putRecord)), nil, 403, "forbidden", "topic_not_allowed"},
		{"declared as signed with SHA-1", a.settings(`,"require_signature_version":2`), path, strings.Replace(body, `"SignatureVersion":"2"`, `"SignatureVersion":"1"`, 1), nil, 403, "forbidden", "version"},
		{"no message after all", a.settings(""), path, `{"Type":"Notification","Signature":"x"}`, nil, 403, "forbidden", snsMalformed},
		{"no message of SNS", a.settings(""), path, bodyOf(putRecord), nil, 401, "unauthorized", tokenMissing},
		{"no message of SNS, wrong token", withTokens, path, bodyOf(putRecord), []string{"Authorization", "x"}, 401, "unauthorized", tokenMismatch},
		{"not JSON", a.settings(""), path, body + "}", nil, 401, "unauthorized", tokenMissing},
		{"raw delivery", a.settings(""), path, bodyOf(putRecord), []string{"X-Amz-Sns-Rawdelivery", "true"}, 401, "unauthorized", tokenMissing},
		{"an anonymous source", `{"allow_anonymous":true,` + a.settings("")[1:], path, strings.Replace(body, "a.txt", "b.txt", 1), nil, 403, "forbidden", "sig_mismatch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := a.fixture(t, tt.settings)
			wantProblem(t, f.postTo(tt.path, tt.body, tt.headers...), tt.status, tt.code)
			if len(f.intake.Events) != 0 {
				t.Errorf("stored %v", f.intake.Events)
			}
			if got := f.counted(t, "source_auth_failures_total", "reason", tt.reason); got != 1 {
				t.Errorf("counted %v of %s\n%s", got, tt.reason, f.log)
			}
		})
	}
	for name, settings := range map[string]string{"tokens, no token shown": withTokens, "anonymous": `{"allow_anonymous":true,` + a.settings("")[1:]} {
		f := a.fixture(t, settings)
		if w := f.postTo(path, body); w.Code != http.StatusOK || len(f.intake.Events) != 1 || f.intake.Events[0].Quarantine != "" {
			t.Errorf("%s: answer %d, stored %v: the signature is enough", name, w.Code, f.intake.Events)
		}
		if settings == withTokens {
			if w := f.postTo(path+"/"+tokenNew, body); w.Code != http.StatusOK || f.counted(t, "source_secret_used_total", "slot", "0") != 1 {
				t.Errorf("%s: the token of the path is not counted: %d", name, w.Code)
			}
		}
	}
	// Without the block sns, its messages need a token like any other request, and are quarantined.
	f := newFixture(t, settings32)
	wantProblem(t, f.postTo(path, body), http.StatusUnauthorized, "unauthorized")
	if w := f.post(body); w.Code != http.StatusOK || len(f.intake.Events) != 1 || !strings.HasPrefix(f.intake.Events[0].Quarantine, wrongDialect) {
		t.Errorf("answer %d, stored %v, want %s", w.Code, f.intake.Events, wrongDialect)
	}
}

func TestSNSConfirmation(t *testing.T) {
	ask := func(t *testing.T, a *amazon) string {
		t.Helper()
		body, err := a.topic.Body(testTime, "2", snsmessage.Message{Type: snsmessage.SubscriptionConfirmation})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	t.Run("confirmed", func(t *testing.T) {
		a := newAmazon(t, topicUploads)
		f := a.fixture(t, a.settings(""))
		if w := f.postTo("/hooks/uploads", ask(t, a)); w.Code != http.StatusOK || !a.topic.Confirmed() || len(f.intake.Events) != 0 {
			t.Errorf("answer %d %s, visited %t\n%s", w.Code, w.Body, a.topic.Confirmed(), f.log)
		}
	})
	t.Run("not by ourselves", func(t *testing.T) {
		a := newAmazon(t, topicUploads)
		f := a.fixture(t, a.settings(`,"auto_confirm":false`))
		w := f.postTo("/hooks/uploads", ask(t, a))
		if w.Code != http.StatusOK || a.topic.Confirmed() || !strings.Contains(f.log.String(), "Action=ConfirmSubscription") {
			t.Errorf("answer %d, visited %t, want the URL logged:\n%s", w.Code, a.topic.Confirmed(), f.log)
		}
	})
	t.Run("another topic", func(t *testing.T) {
		a, other := newAmazon(t, topicUploads), newAmazon(t, topicOther)
		f := a.fixture(t, a.settings(""))
		wantProblem(t, f.postTo("/hooks/uploads", ask(t, other)), http.StatusForbidden, "forbidden")
		if other.topic.Confirmed() {
			t.Error("a subscription to a topic that is not allowed was confirmed")
		}
	})
	t.Run("not now", func(t *testing.T) {
		a := newAmazon(t, topicUploads)
		topic := a.topic
		var failing atomic.Bool
		failing.Store(true)
		a.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if failing.Load() && r.URL.Path == "/" {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			topic.ServeHTTP(w, r)
		})
		f := a.fixture(t, a.settings(""))
		wantProblem(t, f.postTo("/hooks/uploads", ask(t, a)), http.StatusServiceUnavailable, "not_verified")
		failing.Store(false)
		if w := f.postTo("/hooks/uploads", ask(t, a)); w.Code != http.StatusOK || !topic.Confirmed() {
			t.Errorf("asked again: %d, visited %t\n%s", w.Code, topic.Confirmed(), f.log)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		a := newAmazon(t, topicUploads)
		f := a.fixture(t, a.settings(""))
		body, err := a.topic.Body(testTime, "2", snsmessage.Message{Type: snsmessage.UnsubscribeConfirmation})
		if err != nil {
			t.Fatal(err)
		}
		w := f.postTo("/hooks/uploads", string(body))
		if w.Code != http.StatusOK || a.topic.Confirmed() || len(f.intake.Events) != 0 || !strings.Contains(f.log.String(), "cancelled") {
			t.Errorf("answer %d, visited %t, stored %v:\n%s", w.Code, a.topic.Confirmed(), f.intake.Events, f.log)
		}
	})
}
