package sdk

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// scrubber removes the secrets of the settings from every text that leaves the plugin. schema.Secret prevents printing a secret
// by mistake; the scrubber catches secrets that a plugin passed on and that came back in an error, such as net/http's
// `Post "https://hooks.example/T0/secret": dial tcp ...`.
type scrubber struct {
	replacer atomic.Pointer[strings.Replacer]
}

// minSecret is the length of the shortest text that is removed. Shorter ones would match everywhere.
const minSecret = 4

// set replaces the secrets to remove. Texts that are being cleaned use the old or the new ones.
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
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // longest first, because one may contain another
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

// formsOf lists the forms in which a secret can appear: as it is, in JSON, in a URL; and the secret parts of a secret that is a
// URL itself.
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
	const longPath = 8 // shorter paths, such as "/api", are no secrets
	if len(u.Path) >= longPath {
		forms = append(forms, u.Path, u.EscapedPath())
	}
	if len(u.RawQuery) >= longPath {
		forms = append(forms, u.RawQuery)
	}
	return forms
}
