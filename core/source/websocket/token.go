package websocket

import (
	"errors"
	"path"
	"time"

	"github.com/pointsman/pointsman/core/source"
)

// identity is the owner of a connection and the rooms that it may use.
type identity struct {
	// user is the subject of its JWT.
	user string
	// rooms are patterns of those it may use. all: any room.
	rooms []string
	all   bool
	// expires is when it must have shown a new token; zero: never.
	expires time.Time
}

func (v *identity) mayUse(room string) bool {
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

// anonymous is the identity of clients without a JWT.
var anonymous = &identity{all: true}

// authenticator checks the tokens of clients.
type authenticator struct {
	tokens source.Tokens
	jwt    *jwtChecker // nil without the block
	open   bool
}

func newAuthenticator(s *Settings, now func() time.Time) (*authenticator, []string, error) {
	list, warnings, err := source.NewTokens("tokens", s.Tokens)
	if err != nil {
		return nil, nil, err
	}
	d := &authenticator{tokens: list, open: len(s.Tokens) == 0 && s.JWT == nil}
	if s.JWT == nil {
		return d, warnings, nil
	}
	checker, doubts, err := newJWTChecker(s.JWT, now)
	d.jwt = checker
	return d, append(warnings, doubts...), err
}

var errNoToken = errors.New("no token was shown")

// authenticate returns the identity that the first valid token proves. The error never repeats a token.
func (d *authenticator) authenticate(shown []string) (*identity, error) {
	if d.open || d.tokens.Slot(shown...) >= 0 {
		return anonymous, nil
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
		var v *identity
		if v, err = d.jwt.check(token); err == nil {
			return v, nil
		}
	}
	return nil, err
}
