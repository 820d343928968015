package websocket

import (
	"errors"
	"path"
	"time"

	"github.com/pointsman/pointsman/core/source"
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
	tokens source.Tokens
	jwt    *jwtChecker // nil without the block
	open   bool
}

func newDoor(s *Settings, now func() time.Time) (*door, []string, error) {
	list, warnings, err := source.NewTokens("tokens", s.Tokens)
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
	if d.open || d.tokens.Slot(shown...) >= 0 {
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
