package s3

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/core/source"
)

func TestBuckets(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"main", "main", true},
		{"main", "main2", false},
		{"main", "mai", false},
		{"main", "MAIN", false},
		{"main", "", false},
		{"*", "anything", true},
		{"logs-*", "logs-1", true},
		{"logs-*", "logs-", true},
		{"logs-*", "logs", false},
		{"*-logs", "eu-logs", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "acb", false},
		{"a*b*c", "ac", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"**", "", true},
		{"a.c", "abc", false},
		{"*a*", "bab", true},
		{"*ab*ab*", "abab", true},
		{"*ab*ab*", "aba", false},
	} {
		if got := matches(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q matches %q: %t", tt.pattern, tt.name, got)
		}
	}
	other := changed(t, `"name":"src"`, `"name":"other"`)
	for name, body := range map[string]string{
		"alone": bodyOf(other), "among others": bodyOf(putRecord, other), "of an unknown version": bodyOf(strings.Replace(other, "2.1", "3.0", 1)),
		"by EventBridge": strings.Replace(recorded(t, "eventbridge-created"), `"name":"src"`, `"name":"other"`, 1),
		"by SNS":         strings.Replace(recorded(t, "sns-put"), `\"name\":\"src\"`, `\"name\":\"other\"`, 1),
	} {
		events, err := decodeAny(dialectAuto, []byte(body), DecodeOptions{Buckets: []string{"src", "logs-*"}})
		refused, ok := err.(*source.Refused) //nolint:errorlint // exactly this, or the webhook answers otherwise
		if !ok || refused.Reason != reasonBucket || refused.Status != http.StatusForbidden || len(events) != 0 {
			t.Errorf("another bucket %s: %d events, %v", name, len(events), err)
		}
	}
	if _, err := Decode(dialectAuto, []byte(bodyOf(putRecord)), DecodeOptions{Buckets: []string{"logs-*", "s*"}}); err != nil {
		t.Errorf("a bucket of the list: %v", err)
	}
}
