package websocket

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// visitor is who a connection belongs to, as far as that is known.
type visitor struct {
	// user is the subject of its JWT.
	user string
	// rooms are patterns of those it may use. all: any room.
	rooms []string
	all   bool
	// expires is when it must have shown a new token; zero: never.
	expires time.Time
}

func (v *visitor) mayUse(room string) bool {
	if v.all {
		return true
	}
	for _, pattern := range v.rooms {
		if ok, err := path.Match(pattern, room); ok && err == nil {
			return true
		}
	}
	return false
}

// anybody is every visitor without a JWT.
var anybody = &visitor{all: true}

// door says who is let in.
type door struct {
	tokens tokens
	jwt    *jwtChecker // nil without the block
	open   bool
}

func newDoor(s *Settings, now func() time.Time) (*door, []string, error) {
	list, warnings, err := newTokens("tokens", s.Tokens)
	if err != nil {
		return nil, nil, err
	}
	d := &door{tokens: list, open: len(s.Tokens) == 0 && s.JWT == nil}
	if s.JWT == nil {
		return d, warnings, nil
	}
	checker, doubts, err := newJWTChecker(s.JWT, now)
	d.jwt = checker
	return d, append(warnings, doubts...), err
}

var errNoToken = errors.New("no token was shown")

// admit returns who shows one of these tokens. The error never repeats a token.
func (d *door) admit(shown []string) (*visitor, error) {
	if d.open || d.tokens.knows(shown...) {
		return anybody, nil
	}
	const maxShown = 4 // verifying costs
	err := errNoToken
	for _, token := range shown[:min(len(shown), maxShown)] {
		if token == "" {
			continue
		}
		if d.jwt == nil {
			err = errors.New("the token is none of the source's")
			continue
		}
		var v *visitor
		if v, err = d.jwt.check(token); err == nil {
			return v, nil
		}
	}
	return nil, err
}

// tokens are known by their digests alone: digests have one length, so comparing them tells nothing about what they are of.
type tokens [][sha256.Size]byte

// newTokens checks the tokens of a setting. Empty ones are left out, for anybody could show them.
func newTokens(setting string, secrets []schema.Secret) (tokens, []string, error) {
	const short = 24 // bytes; fewer can be guessed with patience
	var list tokens
	var warnings []string
	for i, s := range secrets {
		text := s.Reveal()
		if text == "" {
			warnings = append(warnings, fmt.Sprintf("%s[%d] is empty and is not used: is its environment variable set?", setting, i))
			continue
		}
		if len(text) < short {
			warnings = append(warnings, fmt.Sprintf("%s[%d] is shorter than %d bytes: use a longer one", setting, i, short))
		}
		if strings.HasSuffix(text, "\n") {
			warnings = append(warnings, fmt.Sprintf("%s[%d] ends with a line break, which no client can show: remove it", setting, i))
		}
		list = append(list, sha256.Sum256([]byte(text)))
	}
	if len(secrets) > 0 && len(list) == 0 {
		return nil, nil, fmt.Errorf("%s: no token that is not empty: set the environment variable that it is read from", setting)
	}
	return list, warnings, nil
}

// knows reports whether one of the texts is a token. The time it takes tells nothing about them.
func (t tokens) knows(texts ...string) bool {
	found := 0
	for _, text := range texts {
		shown := sha256.Sum256([]byte(text))
		for i := range t {
			found |= subtle.ConstantTimeCompare(shown[:], t[i][:])
		}
	}
	return found == 1
}
