package retryafter

import (
	"net/http"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	now := time.Date(2026, 11, 27, 1, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                                0,
		"7":                               7 * time.Second,
		" 7 ":                             7 * time.Second,
		"0":                               0,
		"-5":                              0,
		"1.5":                             0,
		"soon":                            0,
		"2000000000":                      time.Hour,
		"99999999999999999999999":         time.Hour,
		"Fri, 27 Nov 2026 01:00:30 GMT":   30 * time.Second,
		"Friday, 27-Nov-26 01:00:30 GMT":  30 * time.Second,
		"Fri Nov 27 01:00:30 2026":        30 * time.Second,
		"Fri, 27 Nov 2026 00:59:30 GMT":   0,
		"Sat, 28 Nov 2026 01:00:00 GMT":   time.Hour,
		"Fri, 27 Nov 2026 01:00:30 +0900": 0,
	} {
		if got := Parse(http.Header{"Retry-After": {value}}, now, time.Hour); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}
