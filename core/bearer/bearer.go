// Package bearer compares tokens that a request carries as they are, for sources and for the admin API.
package bearer

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// Tokens are secrets that a sender sends as they are. Only their digests are kept: digests have equal length, so the time
// of a comparison does not depend on the tokens.
type Tokens []token

type token struct {
	slot   int
	digest [sha256.Size]byte
}

// New returns the tokens with these texts. It skips empty texts, which anybody could send, but the others keep their positions.
func New(texts []string) Tokens {
	var list Tokens
	for slot, text := range texts {
		if text != "" {
			list = append(list, token{slot: slot, digest: sha256.Sum256([]byte(text))})
		}
	}
	return list
}

// Slot returns the position of the first token that equals one of the texts, -1 for none. It always compares everything, so
// its duration does not depend on the tokens.
func (t Tokens) Slot(texts ...string) int {
	slot := -1
	for _, text := range texts {
		shown := sha256.Sum256([]byte(text))
		for i := range t {
			if subtle.ConstantTimeCompare(shown[:], t[i].digest[:]) == 1 && slot < 0 {
				slot = t[i].slot
			}
		}
	}
	return slot
}

// Of returns the token in the header "Authorization: Bearer <token>" (RFC 6750 section 2.1), "" if there is not exactly one such
// header.
func Of(r *http.Request) string {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
