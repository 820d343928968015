// Package retryafter reads the HTTP header Retry-After.
package retryafter

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Parse returns how long a server asks its client to wait, in both forms of RFC 9110, section 10.2.3: seconds, or a date in any
// of the three formats of HTTP. It returns 0 if the header is missing, invalid or in the past, and never more than most.
func Parse(h http.Header, now time.Time, most time.Duration) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(most/time.Second))) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), most)
}
