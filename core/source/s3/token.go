package s3

import (
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
)

// Reasons for which a request is refused by its token.
const (
	tokenMissing  = "token_missing"
	tokenDoubled  = "token_doubled"
	tokenMismatch = "token_mismatch"
	pathMismatch  = "path_mismatch"
)

// inHeader finds the token in the header Authorization, in any of the ways in which stores can be told to show it. The error
// is *source.Refused.
func inHeader(t source.Tokens, r *http.Request) (slot int, err error) {
	values := r.Header["Authorization"]
	switch len(values) {
	case 0:
		return -1, &source.Refused{Reason: tokenMissing}
	case 1:
	default:
		return -1, &source.Refused{Reason: tokenDoubled} // which one would be meant?
	}
	shown := values[0]
	if _, password, ok := r.BasicAuth(); ok {
		shown = password
	} else if scheme, rest, ok := strings.Cut(shown, " "); ok && strings.EqualFold(scheme, "Bearer") {
		shown = strings.TrimLeft(rest, " ")
	}
	if slot = t.Slot(shown, values[0]); slot < 0 {
		return -1, &source.Refused{Reason: tokenMismatch}
	}
	return slot, nil
}
