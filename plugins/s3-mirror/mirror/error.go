package mirror

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Error is why a key could not be converged, or a side not be prepared.
type Error struct {
	// Permanent: another attempt meets the same, until a person or another event changes something.
	Permanent bool
	// RetryAfter is the time after which another attempt makes sense, where a server said it. 0: unknown.
	RetryAfter time.Duration
	// Side is "source" or "destination".
	Side        string
	Bucket, Key string
	// Advice is what to do about it. May be empty.
	Advice string
	Err    error
}

// Error names the side, the bucket, the key, what happened and what to do.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s bucket %q", e.Side, e.Bucket)
	if e.Key != "" {
		text += fmt.Sprintf(", key %q", e.Key)
	}
	text += ": " + describe(e.Err)
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

const (
	source      = "source"
	destination = "destination"
)

func (m *Mirror) sourceError(key string, err error) error {
	return m.fail(source, m.config.Source.Bucket, key, err)
}

func (m *Mirror) destinationError(key string, err error) error {
	return m.fail(destination, m.config.Destination.Bucket, m.DestinationKey(key), err)
}

func (m *Mirror) fail(side, bucket, key string, err error) error {
	if _, already := errors.AsType[*Error](err); already {
		return err
	}
	e := &Error{Side: side, Bucket: bucket, Key: key, Err: err}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Advice = "big objects need a longer `timeout` in the plugin's block or in the rule's dispatch"
		return e
	}
	if errors.Is(err, context.Canceled) {
		return e
	}
	a := answerOf(err)
	e.Permanent, e.Advice = judge(side, a)
	if !e.Permanent {
		e.RetryAfter = a.retryAfter
	}
	return e
}

// answer is what a server said.
type answer struct {
	status     int // 0: none came
	code       string
	requestID  string
	retryAfter time.Duration
}

func answerOf(err error) answer {
	var a answer
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		a.status, a.requestID = response.HTTPStatusCode(), response.RequestID
		if response.Response != nil {
			a.retryAfter = retryAfter(response.Response.Header, time.Now())
		}
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		a.code = api.ErrorCode()
	}
	return a
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = time.Hour

// retryAfter reads Retry-After in both forms of RFC 9110, 10.2.3: seconds, or a date. 0: absent, past or not understood.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), maxRetryAfter)
}

// passing are codes with a status of 4xx that another attempt can mend all the same.
var passing = []string{
	"RequestTimeout", "RequestTimeTooSkewed", "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "SlowDown",
	"BadDigest", "IncompleteBody", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "InvalidDigest",
	"NoSuchUpload", "InvalidPart", "OperationAborted", "ConditionalRequestConflict", "PreconditionFailed", "Throttling",
	"RequestLimitExceeded", "TooManyRequests",
}

// judge says whether an answer is final, and what to do about it.
func judge(side string, a answer) (permanent bool, advice string) {
	switch {
	case a.status == 0:
		return false, ""
	case slices.Contains(passing, a.code):
		return false, map[string]string{"RequestTimeTooSkewed": "set the clocks", "ExpiredToken": "renew the session token"}[a.code]
	case a.code == "NoSuchBucket":
		return true, "create the bucket, or mend " + side + ".bucket"
	case a.code == "InvalidObjectState":
		return true, "the object is archived; it is mirrored once it is restored"
	case a.status == http.StatusForbidden || a.status == http.StatusUnauthorized:
		if side == source {
			return false, "the credentials must be allowed s3:GetObject and s3:GetObjectTagging on its objects, and s3:ListBucket on the bucket"
		}
		return true, "the credentials must be allowed s3:PutObject, s3:PutObjectTagging, s3:DeleteObject and s3:AbortMultipartUpload"
	case a.status == http.StatusMovedPermanently || a.status == http.StatusTemporaryRedirect || a.code == "AuthorizationHeaderMalformed":
		return true, "the bucket is elsewhere: mend " + side + ".region or " + side + ".endpoint"
	case a.status == http.StatusBadRequest && side == destination:
		return true, "the destination does not take this object or its key"
	case a.status == http.StatusNotFound && side == source:
		return false, "this 404 does not say NoSuchKey, so nothing is deleted: does something other than the store answer at source.endpoint?"
	case a.status == http.StatusNotFound, a.status == http.StatusConflict, a.status == http.StatusPreconditionFailed,
		a.status == http.StatusRequestTimeout, a.status == http.StatusTooEarly, a.status == http.StatusTooManyRequests:
		return false, ""
	}
	return a.status < 500 || a.status == http.StatusNotImplemented, ""
}

// describe is the SDK's error without what only its authors want to read.
func describe(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		if op, ok := errors.AsType[*smithy.OperationError](err); ok {
			return op.OperationName + ": " + op.Err.Error()
		}
		return err.Error()
	}
	a := answerOf(err)
	text := api.ErrorCode()
	if message := strings.TrimSpace(api.ErrorMessage()); message != "" && message != text {
		text += ": " + strings.TrimSuffix(message, ".")
	}
	if a.status != 0 {
		text += fmt.Sprintf(" (HTTP %d", a.status)
		if a.requestID != "" {
			text += ", request " + a.requestID
		}
		text += ")"
	}
	return text
}

// missing says whether the source answered that the key is not there. Any other 404, such as that of a proxy in between, is
// not a reason to delete anything.
func missing(err error) bool {
	a := answerOf(err)
	return a.status == http.StatusNotFound && (a.code == "NoSuchKey" || a.code == "NoSuchVersion") || deleteMarker(err)
}

func deleteMarker(err error) bool {
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && response.Response != nil && response.HTTPStatusCode() == http.StatusNotFound &&
		response.Response.Header.Get("X-Amz-Delete-Marker") == "true"
}

// checksumRefused says whether the destination does not know the header with the checksum.
func checksumRefused(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	status := answerOf(err).status
	return (status == http.StatusBadRequest || status == http.StatusNotImplemented) && !slices.Contains(passing, api.ErrorCode()) &&
		strings.Contains(strings.ToLower(api.ErrorMessage()), "checksum")
}
