package source

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Tokens are secrets that a sender sends as they are. Only their digests are kept: digests have equal length, so the time
// of a comparison does not depend on the tokens.
type Tokens []token

type token struct {
	slot   int
	digest [sha256.Size]byte
}

// NewTokens checks the tokens of a setting and returns warnings about weak ones. It skips empty tokens, which anybody could
// send, but the others keep their positions. If all are empty it returns an error; no tokens at all is valid.
func NewTokens(setting string, secrets []schema.Secret) (Tokens, []string, error) {
	const minLen = 24 // bytes; shorter tokens can be guessed
	var list Tokens
	var warnings []string
	for slot, s := range secrets {
		text := s.Reveal()
		if text == "" {
			warnings = append(warnings, fmt.Sprintf("%s[%d] is empty and ignored: check that its environment variable is set", setting, slot))
			continue
		}
		if len(text) < minLen {
			warnings = append(warnings, fmt.Sprintf("%s[%d] is %d bytes long; use at least %d", setting, slot, len(text), minLen))
		}
		if strings.HasSuffix(text, "\n") {
			warnings = append(warnings, fmt.Sprintf("%s[%d] ends with a line break, which no sender can send: remove it", setting, slot))
		}
		list = append(list, token{slot: slot, digest: sha256.Sum256([]byte(text))})
	}
	if len(secrets) > 0 && len(list) == 0 {
		return nil, nil, fmt.Errorf("%s: every token is empty: check that the environment variables are set", setting)
	}
	return list, warnings, nil
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
