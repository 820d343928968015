package s3

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

// The sender learns what it can fix. Whatever concerns tokens, signatures and topics has no detail.
func TestProblemDetails(t *testing.T) {
	a, other := newAmazon(t, topicUploads), newAmazon(t, topicOther)
	f := a.fixture(t, `{"tokens":["`+tokenNew+`"],"buckets":["logs"],`+a.settings("")[1:])
	const noSource = "no source is mounted at this path"
	for name, tt := range map[string]struct {
		got  *httptest.ResponseRecorder
		want string
	}{
		"bucket":        {f.post(bodyOf(putRecord)), "the source does not accept this bucket: add it to its buckets"},
		"malformed SNS": {f.post(`{"Type":"Notification","Signature":"x"}`), "not an SNS message: missing_field: no MessageId"},
		"bad signature": {f.post(strings.Replace(a.notification(t, bodyOf(putRecord)), "a.txt", "b.txt", 1)), ""},
		"other topic":   {f.post(other.notification(t, bodyOf(putRecord))), ""},
		"no token":      {f.postTo("/hooks/uploads", bodyOf(putRecord)), ""},
		"wrong path":    {f.postTo("/hooks/uploads/x", bodyOf(putRecord)), noSource},
		"VK, no URL":    {f.post(vectors[0].question(t)), noSource},
	} {
		var got struct{ Detail string }
		if err := json.Unmarshal(tt.got.Body.Bytes(), &got); err != nil || got.Detail != tt.want {
			t.Errorf("%s: %s, want the detail %q", name, tt.got.Body, tt.want)
		}
	}
}
