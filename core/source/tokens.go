package source

import (
	"fmt"

	"github.com/pointsman/pointsman/core/bearer"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Tokens are the tokens of a source's senders.
type Tokens = bearer.Tokens

// NewTokens checks the tokens of a setting and returns warnings about weak ones. It skips empty tokens, which anybody could
// send, but the others keep their positions. If all are empty it returns an error; no tokens at all is valid.
func NewTokens(setting string, secrets []schema.Secret) (Tokens, []string, error) {
	const minLen = 24 // bytes; shorter tokens can be guessed
	warnings, err := CheckSecrets(setting, secrets, minLen)
	if err != nil {
		return nil, nil, err
	}
	texts := make([]string, len(secrets))
	for i, s := range secrets {
		texts[i] = s.Reveal()
	}
	return bearer.New(texts), warnings, nil
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
