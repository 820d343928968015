package source

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

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
	warnings, err := CheckSecrets(setting, secrets, minLen)
	if err != nil {
		return nil, nil, err
	}
	var list Tokens
	for slot, s := range secrets {
		if !s.IsZero() {
			list = append(list, token{slot: slot, digest: sha256.Sum256([]byte(s.Reveal()))})
		}
	}
	return list, warnings, nil
}

// CheckSecrets returns warnings about empty secrets, which the caller must ignore, and about those with fewer bytes than minLen.
// It returns an error if there are secrets and all are empty.
func CheckSecrets(setting string, secrets []schema.Secret, minLen int) (warnings []string, err error) {
	empty := 0
	for slot, s := range secrets {
		switch n := len(s.Reveal()); {
		case n == 0:
			empty++
			warnings = append(warnings, fmt.Sprintf("%s[%d] is empty and ignored: check that its environment variable is set", setting, slot))
		case n < minLen:
			warnings = append(warnings, fmt.Sprintf("%s[%d] is %d bytes long; use at least %d", setting, slot, n, minLen))
		}
	}
	if len(secrets) > 0 && empty == len(secrets) {
		return nil, fmt.Errorf("%s: every secret is empty: check that the environment variables are set", setting)
	}
	return warnings, nil
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
