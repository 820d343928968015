package mirror

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
)

// Error is returned if a key could not be converged or a client not be made.
type Error struct {
	// Permanent means that another attempt fails in the same way until somebody changes something.
	Permanent bool
	// RetryAfter is how long the server asks to wait. 0: it does not say.
	RetryAfter time.Duration
	// Side is "source" or "destination".
	Side        string
	Bucket, Key string
	// Advice says what to do. May be empty.
	Advice string
	Err    error
}

// Error names the side, bucket and key, the cause, and what to do.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s bucket %q", e.Side, e.Bucket)
	if e.Key != "" {
		text += fmt.Sprintf(", key %q", e.Key)
	}
	text += ": " + amazon.Describe(e.Err)
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

// Unwrap returns the cause.
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
	r := responseOf(err)
	e.Permanent, e.Advice = judge(side, r)
	if !e.Permanent {
		e.RetryAfter = r.RetryAfter
	}
	return e
}

// responseOf returns the server's response in an error, a zero one if there was none.
func responseOf(err error) amazon.Error {
	response, _ := amazon.ErrorOf(err)
	return response
}

// transientCodes are codes of S3 with a status of 4xx after which another attempt can succeed.
var transientCodes = []string{
	"BadDigest", "IncompleteBody", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "InvalidDigest", "NoSuchUpload",
	"InvalidPart", "OperationAborted", "ConditionalRequestConflict", "PreconditionFailed", "TooManyRequests",
}

// isTransient reports whether another attempt can succeed, by the code or status alone.
func isTransient(r amazon.Error) bool {
	known := r.Code != "" && r.Code != "UnknownError" // without a code from S3 the status decides
	return slices.Contains(transientCodes, r.Code) || known && r.Status >= 400 && r.Status < 500 && !r.Permanent
}

// judge decides whether a response is final, and what to do about it.
func judge(side string, r amazon.Error) (permanent bool, advice string) {
	switch {
	case r.Status == 0:
		return false, ""
	case isTransient(r):
		return false, map[string]string{"RequestTimeTooSkewed": "set the clocks", "ExpiredToken": "renew the session token"}[r.Code]
	case r.Code == "NoSuchBucket":
		return true, "create the bucket, or correct " + side + ".bucket"
	case r.Code == "InvalidObjectState":
		return true, "the object is archived; it is mirrored once it is restored"
	case r.Status == http.StatusForbidden || r.Status == http.StatusUnauthorized:
		if side == source {
			return false, "the credentials must be allowed s3:GetObject and s3:GetObjectTagging on its objects, and s3:ListBucket on the bucket"
		}
		return true, "the credentials must be allowed s3:PutObject, s3:PutObjectTagging, s3:DeleteObject and s3:AbortMultipartUpload"
	case r.Status == http.StatusMovedPermanently || r.Status == http.StatusTemporaryRedirect || r.Code == "AuthorizationHeaderMalformed":
		return true, "the bucket is elsewhere: correct " + side + ".region or " + side + ".endpoint"
	case r.Status == http.StatusBadRequest && side == destination:
		return true, "the destination does not accept this object or its key"
	case r.Status == http.StatusNotFound && side == source:
		return false, "the response is a 404 without NoSuchKey, so nothing is deleted: check that the store is at source.endpoint"
	case r.Status == http.StatusNotFound, r.Status == http.StatusConflict, r.Status == http.StatusPreconditionFailed,
		r.Status == http.StatusRequestTimeout, r.Status == http.StatusTooEarly, r.Status == http.StatusTooManyRequests:
		return false, ""
	}
	return r.Status < 500 || r.Status == http.StatusNotImplemented, ""
}

// missing reports whether the store has no such key. Any other 404, such as that of a proxy, is no reason to delete an object.
func missing(err error) bool {
	r := responseOf(err)
	return r.Status == http.StatusNotFound && (r.Code == "NoSuchKey" || r.Code == "NoSuchVersion") || deleteMarker(err)
}

func deleteMarker(err error) bool {
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && response.Response != nil && response.HTTPStatusCode() == http.StatusNotFound &&
		response.Response.Header.Get("X-Amz-Delete-Marker") == "true"
}

// checksumRefused reports whether the destination does not know the header with the checksum.
func checksumRefused(err error) bool {
	r := responseOf(err)
	return (r.Status == http.StatusBadRequest || r.Status == http.StatusNotImplemented) && !isTransient(r) &&
		strings.Contains(strings.ToLower(r.Message), "checksum")
}
