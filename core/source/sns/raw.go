package sns

import (
	"errors"
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// Reasons why a raw delivery is refused.
const (
	rawRefused    = "raw_refused"
	tokenMissing  = "token_missing"
	tokenMismatch = "token_mismatch"
)

// challenge makes SNS send the user and password of the subscription's URL, which it sends only when challenged.
// https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
const challenge = `Basic realm="pointsman"`

func isRaw(header http.Header) bool { return strings.EqualFold(header.Get(headerRaw), "true") }

// raw authenticates raw deliveries, which have no signature, by tokens. nil refuses all of them.
type raw struct {
	tokens source.Tokens
	slots  int
}

func newRaw(s *RawSettings) (*raw, []string, error) {
	if s == nil {
		return nil, nil, nil
	}
	tokens, warnings, err := source.NewTokens("raw.tokens", s.Tokens)
	if err == nil && len(tokens) == 0 {
		err = errors.New("raw.tokens: set at least one token")
	}
	return &raw{tokens: tokens, slots: len(s.Tokens)}, warnings, err
}

// verify returns the position of the token that the sender sent. The topic header is not signed, but must be an allowed one.
func (r *raw) verify(req *http.Request, topics *snsmessage.Verifier) (int, error) {
	if r == nil {
		return -1, &source.Refused{
			Reason: rawRefused, Status: http.StatusForbidden, Detail: "raw message delivery is not accepted: disable it for the subscription",
		}
	}
	_, password, ok := req.BasicAuth()
	if !ok || len(req.Header["Authorization"]) != 1 {
		return -1, &source.Refused{Reason: tokenMissing, Challenge: challenge}
	}
	slot := r.tokens.Slot(password)
	if slot < 0 {
		return -1, &source.Refused{Reason: tokenMismatch, Challenge: challenge}
	}
	return slot, topics.Allows(req.Header.Get(headerTopic))
}
