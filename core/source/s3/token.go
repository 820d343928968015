package s3

import (
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
)

// Reasons why a request is refused by its token.
const (
	tokenMissing  = "token_missing"
	tokenDoubled  = "token_doubled"
	tokenMismatch = "token_mismatch"
	pathMismatch  = "path_mismatch"
)

// tokenInHeader checks the token in the header Authorization, in every form that stores can be configured to send. The error
// is *source.Refused.
func tokenInHeader(t source.Tokens, r *http.Request) (slot int, err error) {
	values := r.Header["Authorization"]
	switch len(values) {
	case 0:
		return -1, &source.Refused{Reason: tokenMissing}
	case 1:
	default:
		return -1, &source.Refused{Reason: tokenDoubled} // ambiguous
	}
	sent := values[0]
	if _, password, ok := r.BasicAuth(); ok {
		sent = password
	} else if scheme, rest, ok := strings.Cut(sent, " "); ok && strings.EqualFold(scheme, "Bearer") {
		sent = strings.TrimLeft(rest, " ")
	}
	if slot = t.Slot(sent, values[0]); slot < 0 {
		return -1, &source.Refused{Reason: tokenMismatch}
	}
	return slot, nil
}
