package amazon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

// passing are the codes of refusals that pass by themselves although their status is 4xx. ExpiredToken is among them because
// whoever renews the credentials needs the delivery to be there still.
var passing = codes(retry.DefaultThrottleErrorCodes, retry.DefaultRetryableErrorCodes, map[string]struct{}{
	"Throttled": {}, "KMSThrottling": {}, "InternalError": {}, "InternalFailure": {}, "ServiceUnavailable": {},
	"ExpiredToken": {}, "ExpiredTokenException": {},
	"UnknownError": {}, // the library's, for a page that is none of Amazon's
})

func codes(sets ...map[string]struct{}) map[string]struct{} {
	all := map[string]struct{}{}
	for _, s := range sets {
		maps.Copy(all, s)
	}
	return all
}

// explain makes an error of a call: a *mail.Error if the service answered with one of its own. what is the service as people
// know it. hint adds to the text of a refusal, by its code and message; it may be nil.
func explain(ctx context.Context, what string, err error, hint func(code, message string) string) error {
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		code, message := refusal.ErrorCode(), refusal.ErrorMessage()
		e := &mail.Error{Code: status(err)}
		e.Permanent = isPermanent(code, e.Code)
		e.Message = fmt.Sprintf("%s: %.100s: %.500s", what, mail.OneLine(code), mail.OneLine(message))
		if hint != nil {
			e.Message += hint(code, message)
		}
		return e
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	if operation, ok := errors.AsType[*smithy.OperationError](err); ok {
		err = operation.Err // without the library's names of things
	}
	return fmt.Errorf("%s: %w", what, err)
}

// status is that of the answer, 0 when there was none.
func status(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil {
		return answer.HTTPStatusCode()
	}
	return 0
}

func isPermanent(code string, status int) bool {
	_, passes := passing[code]
	return !passes && status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

// unproven is for an answer without the id that proves that the mail was taken.
func unproven(what string) error {
	return fmt.Errorf("%s: the answer holds no MessageId: is something else at the endpoint?", what)
}

const maxBackoff = 10 * time.Minute

// backoff is from 1 to 2 s after the first attempt, and twice as much after each further one.
func backoff(attempt int) time.Duration {
	d := min(time.Second<<min(max(attempt-1, 0), 10), maxBackoff/2)
	return d + rand.N(d)
}
