package apigateway

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// newSecrets checks the secrets, also for characters that the parameters of an integration cannot contain.
func newSecrets(configured []schema.Secret) (source.Tokens, []string, error) {
	const setting = "apigateway.secrets"
	list, warnings, err := source.NewTokens(setting, configured)
	if err == nil && len(list) == 0 {
		err = errors.New(setting + ": set at least one")
	}
	for slot, s := range configured {
		if text := s.Reveal(); strings.TrimSpace(text) != text || strings.Contains(text, "'") {
			warnings = append(warnings, fmt.Sprintf("%s[%d] contains a ' or starts or ends with a space, which API Gateway cannot send: use letters and digits", setting, slot))
		}
	}
	return list, warnings, err
}

// verify returns the position of the secret that a request contains.
func verify(secrets source.Tokens, header http.Header) (slot int, err error) {
	shown := header[headerSecret]
	switch len(shown) {
	case 0:
		return -1, &source.Refused{Reason: secretMissing}
	case 1:
	default:
		return -1, &source.Refused{Reason: secretDoubled} // ambiguous
	}
	if slot = secrets.Slot(shown[0]); slot < 0 {
		return -1, &source.Refused{Reason: secretMismatch}
	}
	return slot, nil
}
