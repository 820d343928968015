package amazon

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
)

func TestError(t *testing.T) {
	date := time.Now().Add(30 * time.Minute).UTC().Format(http.TimeFormat)
	for name, tt := range map[string]struct {
		fault                amazontest.Fault
		permanent, throttled bool
		least, most          time.Duration
		want                 string
	}{
		"refused":     {fault: amazontest.Fault{Status: 400, Code: "InvalidParameter", Message: "no\nsuch <topic>."}, permanent: true, want: "publish: InvalidParameter: no such <topic> (HTTP 400, request 9dd01905-5012-5f99-8663-4b3ecd0dfaef)"},
		"throttled":   {fault: amazontest.Fault{Status: 400, Code: "ThrottlingException"}, throttled: true},
		"too many":    {fault: amazontest.Fault{Status: 429, Code: "Other"}, throttled: true},
		"expired":     {fault: amazontest.Fault{Status: 403, Code: "ExpiredToken"}},
		"time":        {fault: amazontest.Fault{Status: 408, Code: "Other"}},
		"early":       {fault: amazontest.Fault{Status: 425, Code: "Other"}},
		"broken":      {fault: amazontest.Fault{Status: 500, Code: "InternalError"}},
		"seconds":     {fault: amazontest.Fault{Status: 503, Code: "ServiceUnavailable", RetryAfter: "120"}, least: 2 * time.Minute, most: 2 * time.Minute},
		"date":        {fault: amazontest.Fault{Status: 503, Code: "ServiceUnavailable", RetryAfter: date}, least: 29 * time.Minute, most: 30 * time.Minute},
		"not a time":  {fault: amazontest.Fault{Status: 503, Code: "ServiceUnavailable", RetryAfter: "soon"}},
		"gone":        {fault: amazontest.Fault{Status: 410, Code: "Other"}, permanent: true},
		"not Amazon":  {fault: amazontest.Fault{Status: 403, Raw: "<html>A proxy</html>"}},
		"not Amazon2": {fault: amazontest.Fault{Status: 302, Raw: "<html>A proxy</html>"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := amazontest.NewSNS(t, false)
			server.Fail(tt.fault)
			err := publish(t.Context(), open(t, withKeys()), server.URL)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Permanent != tt.permanent || e.Throttled != tt.throttled || e.Status != tt.fault.Status || e.RetryAfter < tt.least || e.RetryAfter > tt.most {
				t.Fatalf("got %+v: %v", e, err)
			}
			if tt.want != "" && err.Error() != tt.want {
				t.Errorf("got %q", err)
			}
		})
	}
}
