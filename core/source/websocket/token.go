package websocket

import (
	"errors"
	"path"
	"time"

	"github.com/pointsman/pointsman/core/source"
)

// identity is the owner of a connection and the rooms that it may use.
type identity struct {
	// verifiedBy is what the client proved itself with, for Envelope.verified_by.
	verifiedBy string
	// user is the subject of the JWT.
	user string
	// rooms are patterns of allowed rooms; all allows any room.
	rooms []string
	all   bool
	// expires is when the connection needs a new token, zero for never.
	expires time.Time
}

// mayUse reports whether the token allows a room. Its rooms are patterns as in path.Match.
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

// anonymous is the identity of the clients of a source that admits anyone.
var anonymous = &identity{all: true}

// authenticator checks the tokens of clients.
type authenticator struct {
	tokens source.Tokens
	// holders are the identities of clients with a token, by its position.
	holders []*identity
	jwt     *jwtChecker // nil without the block
	open    bool
}

// newAuthenticator compiles tokens and jwt settings. It also returns warnings.
func newAuthenticator(s *Settings, now func() time.Time) (*authenticator, []string, error) {
	list, warnings, err := source.NewTokens("tokens", s.Tokens)
	if err != nil {
		return nil, nil, err
	}
	d := &authenticator{tokens: list, open: len(s.Tokens) == 0 && s.JWT == nil}
	for _, name := range source.SecretNames("token", len(s.Tokens)) {
		d.holders = append(d.holders, &identity{all: true, verifiedBy: name})
	}
	if s.JWT == nil {
		return d, warnings, nil
	}
	checker, jwtWarnings, err := newJWTChecker(s.JWT, now)
	d.jwt = checker
	return d, append(warnings, jwtWarnings...), err
}

var errNoToken = errors.New("the request contains no token")

// authenticate returns the identity of the first valid token. The error contains no token.
func (d *authenticator) authenticate(shown []string) (*identity, error) {
	if d.open {
		return anonymous, nil
	}
	if slot := d.tokens.Slot(shown...); slot >= 0 {
		return d.holders[slot], nil
	}
	const maxShown = 4 // verifying a signature is expensive
	err := errNoToken
	for _, token := range shown[:min(len(shown), maxShown)] {
		if token == "" {
			continue
		}
		if d.jwt == nil {
			err = errors.New("the token is not one of the source's")
			continue
		}
		var v *identity
		if v, err = d.jwt.check(token); err == nil {
			return v, nil
		}
	}
	return nil, err
}
