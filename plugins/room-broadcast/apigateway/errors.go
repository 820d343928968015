package apigateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Error is a service's refusal.
type Error struct {
	// Permanent means that another attempt meets the same refusal, until somebody changes something.
	Permanent bool
	message   string
}

func (e *Error) Error() string { return e.message }

// passing are the codes of refusals that pass by themselves although their status is 4xx. ExpiredToken is among them because
// whoever renews the credentials needs the delivery to be there still.
var passing = codes(retry.DefaultThrottleErrorCodes, retry.DefaultRetryableErrorCodes, map[string]struct{}{
	"InternalServerError": {}, "InternalFailure": {}, "ServiceUnavailable": {}, "TransactionInProgressException": {},
	"ExpiredToken": {}, "ExpiredTokenException": {},
})

func codes(sets ...map[string]struct{}) map[string]struct{} {
	all := map[string]struct{}{}
	for _, s := range sets {
		maps.Copy(all, s)
	}
	return all
}

// hints say what to do about a refusal, by its status for API Gateway and its code for DynamoDB.
var hints = map[string]string{
	"403":                       "the keys need execute-api:ManageConnections for this stage",
	"404":                       "see that endpoint ends with the stage of the API",
	"413":                       "API Gateway takes at most 128 KB",
	"ResourceNotFoundException": "see that table and region are right",
	"ValidationException":       "see that the table has the index, and the index the hash key room",
	"AccessDeniedException":     "the keys need dynamodb:Query for the index and dynamodb:DeleteItem for the table",
}

// explain makes an error of a call: an *Error if the service answered. what is the call as people know it.
func explain(ctx context.Context, what string, err error) error {
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		code, status := refusal.ErrorCode(), statusOf(err)
		_, passes := passing[code]
		e := &Error{Permanent: !passes && status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout}
		e.message = fmt.Sprintf("%s: %d %.100s", what, status, oneLine(code))
		if text := oneLine(refusal.ErrorMessage()); text != "" {
			e.message += fmt.Sprintf(": %.500s", text)
		}
		if hint := cmp.Or(hints[code], hints[fmt.Sprint(status)]); hint != "" && e.Permanent {
			e.message += " (" + hint + ")"
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

// statusOf is that of the answer, 0 when there was none.
func statusOf(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil {
		return answer.HTTPStatusCode()
	}
	return 0
}

// oneLine makes what a server wrote fit into a log.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}
