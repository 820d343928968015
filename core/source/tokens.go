package source

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Tokens are secrets that a sender shows as they are. They are known by their digests alone: digests have one length, so that
// comparing them tells nothing about what they are of.
type Tokens []token

type token struct {
	slot   int
	digest [sha256.Size]byte
}

// NewTokens checks the tokens of a setting, whose name is for the messages. Empty ones are left out, for anybody could show
// them, but keep their position; that all are empty is an error. None at all is none.
func NewTokens(setting string, secrets []schema.Secret) (Tokens, []string, error) {
	const short = 24 // bytes; fewer can be guessed with patience
	var list Tokens
	var warnings []string
	for slot, s := range secrets {
		text := s.Reveal()
		if text == "" {
			warnings = append(warnings, fmt.Sprintf("%s[%d] is empty and is not used: is its environment variable set?", setting, slot))
			continue
		}
		if len(text) < short {
			warnings = append(warnings, fmt.Sprintf("%s[%d] is shorter than %d bytes: use a longer one", setting, slot, short))
		}
		if strings.HasSuffix(text, "\n") {
			warnings = append(warnings, fmt.Sprintf("%s[%d] ends with a line break, which no sender can show: remove it", setting, slot))
		}
		list = append(list, token{slot: slot, digest: sha256.Sum256([]byte(text))})
	}
	if len(secrets) > 0 && len(list) == 0 {
		return nil, nil, fmt.Errorf("%s: no token that is not empty: set the environment variable that it is read from", setting)
	}
	return list, warnings, nil
}

// Slot returns the position of the token that one of the texts is, -1 for none. The time it takes tells nothing about them.
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
