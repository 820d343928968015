package amazon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/pointsman/pointsman/plugins/sdk/retryafter"
)

// Error is a service's refusal of a call. Other errors of a call, such as a lost connection, are transient.
type Error struct {
	// Status is that of the HTTP response, 0 if there was none.
	Status int
	// Code and Message are on one line, bounded, and may be empty.
	Code, Message string
	RequestID     string
	// Permanent means that the same call is refused until somebody changes something.
	Permanent bool
	// Throttled means too many calls, or too much data in them.
	Throttled bool
	// RetryAfter is how long the service asks to wait, 0 if it does not say.
	RetryAfter time.Duration
	// Hint says what to do. May be empty.
	Hint string

	call string
	err  error
}

// Unwrap returns the error of the AWS SDK.
func (e *Error) Unwrap() error { return e.err }

// Error is "call: code: message (HTTP status, request id): hint".
func (e *Error) Error() string {
	text := e.Describe()
	if e.call != "" {
		text = e.call + ": " + text
	}
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Describe returns the response alone: "code: message (HTTP status, request id)".
func (e *Error) Describe() string {
	text := e.Code
	if message := strings.TrimSuffix(e.Message, "."); message != "" && message != text {
		text = strings.TrimPrefix(text+": "+message, ": ")
	}
	if e.Status == 0 {
		return text
	}
	text += fmt.Sprintf(" (HTTP %d", e.Status)
	if e.RequestID != "" {
		text += ", request " + e.RequestID
	}
	return strings.TrimSpace(text + ")")
}

// maxRetryAfter bounds Error.RetryAfter.
const maxRetryAfter = time.Hour

// ErrorOf returns the response in an error of the AWS SDK. ok is false if the service did not refuse the call. A refused call for
// credentials does not count: the service itself was not reached.
func ErrorOf(err error) (e Error, ok bool) {
	if isForCredentials(err) {
		return e, false
	}
	e.err = err
	if res, found := errors.AsType[*awshttp.ResponseError](err); found {
		e.RequestID = oneLine(res.RequestID, 100)
		if res.Response != nil {
			e.Status, e.RetryAfter = res.HTTPStatusCode(), retryafter.Parse(res.Response.Header, time.Now(), maxRetryAfter)
		}
	}
	if refusal, found := errors.AsType[smithy.APIError](err); found {
		e.Code, e.Message, ok = oneLine(refusal.ErrorCode(), 100), oneLine(refusal.ErrorMessage(), 500), true
	}
	_, e.Throttled = retry.DefaultThrottleErrorCodes[e.Code]
	e.Throttled = e.Throttled || e.Status == http.StatusTooManyRequests
	e.Permanent = e.Status >= 400 && e.Status < 500 && !isTransient(e.Status, e.Code)
	return e, ok || e.Status >= http.StatusMultipleChoices
}

// isForCredentials reports whether a call failed because another call, made within it, did: the SDK assumes a role that way.
func isForCredentials(err error) bool {
	call, ok := errors.AsType[*smithy.OperationError](err)
	if !ok {
		return false
	}
	_, nested := errors.AsType[*smithy.OperationError](call.Err)
	return nested
}

// isTransient reports whether another attempt may succeed after a refusal with a status of 4xx.
func isTransient(status int, code string) bool {
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	_, retryable := retry.DefaultRetryableErrorCodes[code]
	return throttled || retryable || slices.Contains(transientCodes, code) ||
		status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests
}

// transientCodes are more codes of such refusals. They include those of expired credentials, because the delivery is still wanted
// after the credentials are renewed.
var transientCodes = []string{
	"Throttled", "KMSThrottling", "InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable",
	"TransactionInProgressException", "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestTimeTooSkewed",
	"", "UnknownError", // the page is not from AWS
}

// Explain turns an error of the AWS SDK into one for people: an *Error if a service refused the call. call is the call as they
// know it, and ctx the context that it had. adjust, unless nil, may change the refusal, for example add a hint.
func Explain(ctx context.Context, call string, err error, adjust func(*Error)) error {
	if e, ok := ErrorOf(err); ok {
		e.call = call
		if adjust != nil {
			adjust(&e)
		}
		return &e
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", call, context.Cause(ctx))
	}
	return fmt.Errorf("%s: %w", call, cause(err))
}

// Describe returns the text of an error of the AWS SDK without the names that the SDK gives to things.
func Describe(err error) string {
	if e, ok := ErrorOf(err); ok {
		return e.Describe()
	}
	return cause(err).Error()
}

// cause returns the error of a call that had no response.
func cause(err error) error {
	if operation, ok := errors.AsType[*smithy.OperationError](err); ok {
		return operation.Err
	}
	return err
}

// oneLine makes what a server sent fit into a log.
func oneLine(s string, most int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	return fmt.Sprintf("%.*s", most, s)
}
