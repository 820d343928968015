package apigateway

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

// secrets are known by their digests alone: digests have one length, so comparing them tells nothing about what they are of.
type secrets []secret

type secret struct {
	slot   int
	digest [sha256.Size]byte
}

// newSecrets checks the secrets. Empty ones are left out, for anybody could show them, but keep their position.
func newSecrets(configured []schema.Secret) (secrets, []string, error) {
	const short = 24 // bytes; fewer can be guessed with patience
	var list secrets
	var warnings []string
	for slot, s := range configured {
		text := s.Reveal()
		switch {
		case text == "":
			warnings = append(warnings, fmt.Sprintf("apigateway.secrets[%d] is empty and is not used: is its environment variable set?", slot))
			continue
		case strings.TrimSpace(text) != text || strings.Contains(text, "'"):
			warnings = append(warnings, fmt.Sprintf("apigateway.secrets[%d] holds a ', or space at its ends, which API Gateway cannot show: use letters and digits", slot))
		case len(text) < short:
			warnings = append(warnings, fmt.Sprintf("apigateway.secrets[%d] is shorter than %d bytes: use a longer one", slot, short))
		}
		list = append(list, secret{slot: slot, digest: sha256.Sum256([]byte(text))})
	}
	if len(list) == 0 {
		return nil, nil, errors.New("apigateway.secrets: no secret that is not empty: set the environment variable that it is read from")
	}
	return list, warnings, nil
}

// verify returns the position of the secret that a request shows. The time it takes tells nothing about them.
func (l secrets) verify(header http.Header) (slot int, err error) {
	shown := header[headerSecret]
	switch len(shown) {
	case 0:
		return -1, &source.Refused{Reason: secretMissing}
	case 1:
	default:
		return -1, &source.Refused{Reason: secretDoubled} // which one would be meant?
	}
	slot = -1
	digest := sha256.Sum256([]byte(shown[0]))
	for i := range l {
		if subtle.ConstantTimeCompare(digest[:], l[i].digest[:]) == 1 && slot < 0 {
			slot = l[i].slot
		}
	}
	if slot < 0 {
		return -1, &source.Refused{Reason: secretMismatch}
	}
	return slot, nil
}
