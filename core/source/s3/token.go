package s3

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Reasons for which a request is refused by its token.
const (
	tokenMissing  = "token_missing"
	tokenDoubled  = "token_doubled"
	tokenMismatch = "token_mismatch"
	pathMismatch  = "path_mismatch"
)

// tokens are the tokens of one source.
type tokens []token

// token is known by its digest alone: digests have one length, so comparing them tells nothing about what they are of.
type token struct {
	slot   int
	digest [sha256.Size]byte
}

// newTokens checks the tokens. Empty ones are left out, for anybody could show them, but keep their position.
func newTokens(secrets []schema.Secret) (tokens, []string, error) {
	const short = 24 // bytes; fewer can be guessed with patience
	var list tokens
	var warnings []string
	for slot, s := range secrets {
		text := s.Reveal()
		if text == "" {
			warnings = append(warnings, fmt.Sprintf("tokens[%d] is empty and is not used: is its environment variable set?", slot))
			continue
		}
		if len(text) < short {
			warnings = append(warnings, fmt.Sprintf("tokens[%d] is shorter than %d bytes: use a longer one", slot, short))
		}
		if strings.HasSuffix(text, "\n") {
			warnings = append(warnings, fmt.Sprintf("tokens[%d] ends with a line break, which no sender can show: remove it", slot))
		}
		list = append(list, token{slot: slot, digest: sha256.Sum256([]byte(text))})
	}
	if len(secrets) > 0 && len(list) == 0 {
		return nil, nil, errors.New("tokens: no token that is not empty: set the environment variable that it is read from")
	}
	return list, warnings, nil
}

// slot returns the position of the token that one of the texts is, -1 for none. The time it takes tells nothing about them.
func (t tokens) slot(texts ...string) int {
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

// inHeader finds the token in the header Authorization, in any of the ways in which stores can be told to show it. The error
// is *source.Refused.
func (t tokens) inHeader(r *http.Request) (slot int, err error) {
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
	if slot = t.slot(shown, values[0]); slot < 0 {
		return -1, &source.Refused{Reason: tokenMismatch}
	}
	return slot, nil
}
