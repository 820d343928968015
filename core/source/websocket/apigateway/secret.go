package apigateway

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// newSecrets checks the secrets: as all tokens are, and for what the integration's parameters cannot hold.
func newSecrets(configured []schema.Secret) (source.Tokens, []string, error) {
	const setting = "apigateway.secrets"
	list, warnings, err := source.NewTokens(setting, configured)
	if err == nil && len(list) == 0 {
		err = errors.New(setting + ": name at least one")
	}
	for slot, s := range configured {
		if text := s.Reveal(); strings.TrimSpace(text) != text || strings.Contains(text, "'") {
			warnings = append(warnings, fmt.Sprintf("%s[%d] holds a ', or space at its ends, which API Gateway cannot show: use letters and digits", setting, slot))
		}
	}
	return list, warnings, err
}

// verify returns the position of the secret that a request shows.
func verify(secrets source.Tokens, header http.Header) (slot int, err error) {
	shown := header[headerSecret]
	switch len(shown) {
	case 0:
		return -1, &source.Refused{Reason: secretMissing}
	case 1:
	default:
		return -1, &source.Refused{Reason: secretDoubled} // which one would be meant?
	}
	if slot = secrets.Slot(shown[0]); slot < 0 {
		return -1, &source.Refused{Reason: secretMismatch}
	}
	return slot, nil
}
