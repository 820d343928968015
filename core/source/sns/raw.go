package sns

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// Reasons for which a raw delivery is refused.
const (
	rawRefused    = "raw_refused"
	tokenMissing  = "token_missing"
	tokenMismatch = "token_mismatch"
)

// challenge asks SNS for the user and password of the subscription's URL, which it does not send unasked.
// https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
const challenge = `Basic realm="pointsman"`

func isRaw(header http.Header) bool { return strings.EqualFold(header.Get(headerRaw), "true") }

// raw knows the tokens that stand in for the missing signature of raw deliveries. nil refuses them all.
type raw struct{ tokens []token }

type token struct {
	slot   int
	digest [sha256.Size]byte
}

func newRaw(s *RawSettings) (*raw, []string, error) {
	const short = 24 // bytes; fewer can be guessed with patience
	if s == nil {
		return nil, nil, nil
	}
	r := &raw{}
	var warnings []string
	for slot, t := range s.Tokens {
		text := t.Reveal()
		if text == "" {
			warnings = append(warnings, fmt.Sprintf("raw.tokens[%d] is empty and is not used: is its environment variable set?", slot))
			continue
		}
		if len(text) < short {
			warnings = append(warnings, fmt.Sprintf("raw.tokens[%d] is shorter than %d bytes: use a longer one", slot, short))
		}
		r.tokens = append(r.tokens, token{slot: slot, digest: sha256.Sum256([]byte(text))})
	}
	if len(r.tokens) == 0 {
		return nil, nil, errors.New("raw.tokens: no token that is not empty: set the environment variable that it is read from")
	}
	return r, warnings, nil
}

// slots is how many positions verify can return.
func (r *raw) slots() int {
	if r == nil || len(r.tokens) == 0 {
		return 0
	}
	return r.tokens[len(r.tokens)-1].slot + 1
}

// verify returns the position of the token that the sender showed. The topic is only its word, but must be one of ours.
func (r *raw) verify(header http.Header, topics *snsmessage.Verifier) (int, error) {
	if r == nil {
		return -1, &source.Refused{Reason: rawRefused, Status: http.StatusForbidden}
	}
	shown, ok := password(header["Authorization"])
	if !ok {
		return -1, &source.Refused{Reason: tokenMissing, Challenge: challenge}
	}
	digest, slot := sha256.Sum256([]byte(shown)), -1
	for _, t := range r.tokens {
		if subtle.ConstantTimeCompare(t.digest[:], digest[:]) == 1 && slot < 0 {
			slot = t.slot
		}
	}
	if slot < 0 {
		return -1, &source.Refused{Reason: tokenMismatch, Challenge: challenge}
	}
	return slot, topics.Allows(header.Get(headerTopic))
}

// password returns that of the one Authorization header, if it is of the Basic scheme (RFC 7617).
func password(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !strings.EqualFold(scheme, "Basic") {
		return "", false
	}
	_, password, ok := strings.Cut(string(decoded), ":")
	return password, ok
}
