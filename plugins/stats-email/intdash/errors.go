package intdash

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/pointsman/pointsman/plugins/sdk/retryafter"
)

// Error is a response of the server other than the data, or a request that can never succeed.
type Error struct {
	// Status is the HTTP status, 0 without a response.
	Status int
	// Permanent: the same request will not succeed later.
	Permanent bool
	// RetryAfter is how long the server asks to wait, 0 if it does not say. Not set with Permanent.
	RetryAfter time.Duration
	// Message is for people and contains no secret.
	Message string
}

func (e *Error) Error() string { return e.Message }

func permanent(format string, args ...any) error {
	return &Error{Permanent: true, Message: fmt.Sprintf(format, args...)}
}

const (
	maxErrorBody  = 16 << 10
	maxErrorText  = 300
	maxRetryAfter = 24 * time.Hour
)

// statusError returns the Error for a response with another status than 200. It reads the beginning of the body.
func statusError(res *http.Response, what string) *Error {
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // what could be read is enough for a message
	e := &Error{Status: res.StatusCode, Permanent: !retryable(res.StatusCode)}
	if !e.Permanent {
		e.RetryAfter = retryafter.Parse(res.Header, time.Now(), maxRetryAfter)
	}
	e.Message = fmt.Sprintf("intdash answered %d %s to %s", res.StatusCode, http.StatusText(res.StatusCode), what)
	if text := errorText(body); text != "" {
		e.Message += ": " + text
	}
	if hint := hint(res); hint != "" {
		e.Message += "; " + hint
	}
	return e
}

func retryable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

func hint(res *http.Response) string {
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		return "check the token or client_id and client_secret in the settings"
	case res.StatusCode == http.StatusForbidden:
		return "the user behind the credentials may not read this project"
	case res.StatusCode == http.StatusNotFound:
		return "there is no such measurement in this project, or the url is not that of an intdash server"
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return fmt.Sprintf("redirects are not followed, set the url to where it points: %.200q", res.Header.Get("Location"))
	}
	return ""
}

// errorText returns the message for people in an error body of any service of intdash.
func errorText(body []byte) string {
	var e struct {
		Title       string `json:"title"`
		Type        string `json:"type"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Message     string `json:"message"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	for _, s := range []string{e.Title, e.Description, e.Message, e.Error, e.Type} {
		if s != "" && s != "about:blank" {
			return clean(s)
		}
	}
	return ""
}

// clean makes a server's text safe for a log line.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxErrorText {
		s = strings.ToValidUTF8(s[:maxErrorText], "") + "..."
	}
	return s
}
