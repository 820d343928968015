package sdk

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// scrubber takes the secrets of the settings out of every text that leaves the plugin. schema.Secret keeps a secret from
// being printed by mistake; the scrubber catches what was revealed on purpose and came back in an error, such as net/http's
// `Post "https://hooks.example/T0/secret": dial tcp ...`.
type scrubber struct {
	replacer atomic.Pointer[strings.Replacer]
}

// Texts shorter than this are left alone: they would be found everywhere.
const minSecret = 4

func (s *scrubber) set(secrets []string) {
	var forms []string
	for _, secret := range secrets {
		forms = append(forms, formsOf(secret)...)
	}
	forms = slices.DeleteFunc(forms, func(f string) bool { return len(f) < minSecret })
	if len(forms) == 0 {
		s.replacer.Store(nil)
		return
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // the longest first: one may hold another
	pairs := make([]string, 0, 2*len(forms))
	for _, f := range slices.Compact(forms) {
		pairs = append(pairs, f, schema.Redacted)
	}
	s.replacer.Store(strings.NewReplacer(pairs...))
}

func (s *scrubber) clean(text string) string {
	if r := s.replacer.Load(); r != nil {
		return r.Replace(text)
	}
	return text
}

// formsOf lists the ways in which a secret turns up: as it is, inside JSON, inside a URL; and when it is a URL itself, the
// parts that make it secret.
func formsOf(secret string) []string {
	secret = strings.TrimSpace(secret)
	quoted, _ := json.Marshal(secret)
	forms := []string{secret, strings.Trim(string(quoted), `"`), url.QueryEscape(secret), url.PathEscape(secret)}
	if line, _, found := strings.Cut(secret, "\n"); found { // a PEM block and the like
		for l := range strings.SplitSeq(secret, "\n") {
			if l = strings.TrimSpace(l); l != line && !strings.HasPrefix(l, "-----") {
				forms = append(forms, l)
			}
		}
	}
	u, err := url.Parse(secret)
	if err != nil || u.Host == "" {
		return forms
	}
	if password, ok := u.User.Password(); ok {
		forms = append(forms, password, u.Redacted(), strings.TrimPrefix(u.Redacted(), u.Scheme+"://"))
	}
	const longPath = 8 // "/api" tells nothing
	if len(u.Path) >= longPath {
		forms = append(forms, u.Path, u.EscapedPath())
	}
	if len(u.RawQuery) >= longPath {
		forms = append(forms, u.RawQuery)
	}
	return forms
}
