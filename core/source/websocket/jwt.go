package websocket

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// JWTSettings is the block `jwt`.
type JWTSettings struct {
	Secrets    []schema.Secret `pointsman:"secrets" doc:"Secrets of tokens signed with HS256, HS384 or HS512. Several are allowed for rotation."`
	PublicKeys []string        `pointsman:"public_keys" doc:"Public keys (PEM) of tokens signed with RSA, ECDSA or Ed25519."`
	Algorithms []string        `pointsman:"algorithms,one_of=HS256|HS384|HS512|RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA" doc:"Allowed algorithms. Default: HS256 with secrets; RS256, PS256, ES256 and EdDSA with public_keys."`
	Audience   []string        `pointsman:"audience" doc:"Accepted audiences. Default: any."`
	Issuer     string          `pointsman:"issuer" doc:"Accepted issuer. Default: any."`
	RoomsClaim string          `pointsman:"rooms_claim" doc:"Claim that lists the rooms that the client may use; * stands for any characters. Default: a token allows any room."`
	Leeway     time.Duration   `pointsman:"leeway,default=30s" doc:"Tolerated difference between the clocks of issuer and router."`
}

// jwtChecker verifies JSON Web Tokens.
type jwtChecker struct {
	parser     *jwt.Parser
	keys       jwt.VerificationKeySet
	roomsClaim string
	leeway     time.Duration
}

// newJWTChecker compiles the settings of a block `jwt`. It also returns warnings.
func newJWTChecker(s *JWTSettings, now func() time.Time) (*jwtChecker, []string, error) {
	const minLen = 32 // bytes, the minimum for HS256 (RFC 7518 section 3.2)
	warnings, err := source.CheckSecrets("jwt.secrets", s.Secrets, minLen)
	if err != nil {
		return nil, nil, err
	}
	c := &jwtChecker{roomsClaim: s.RoomsClaim, leeway: s.Leeway}
	algorithms := slices.Clone(s.Algorithms)
	for _, secret := range s.Secrets {
		if !secret.IsZero() {
			c.keys.Keys = append(c.keys.Keys, []byte(secret.Reveal()))
		}
	}
	if len(c.keys.Keys) > 0 && len(s.Algorithms) == 0 {
		algorithms = append(algorithms, "HS256")
	}
	for i, pem := range s.PublicKeys {
		key, err := parsePublicKey([]byte(pem))
		if err != nil {
			return nil, nil, fmt.Errorf("jwt.public_keys[%d]: %w", i, err)
		}
		c.keys.Keys = append(c.keys.Keys, key)
	}
	if len(s.PublicKeys) > 0 && len(s.Algorithms) == 0 {
		algorithms = append(algorithms, "RS256", "PS256", "ES256", "EdDSA")
	}
	if len(c.keys.Keys) == 0 {
		return nil, nil, errors.New("jwt: set secrets or public_keys")
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(), jwt.WithLeeway(s.Leeway), jwt.WithTimeFunc(now), jwt.WithStrictDecoding(),
	}
	if len(s.Audience) > 0 {
		options = append(options, jwt.WithAudience(s.Audience...))
	}
	if s.Issuer != "" {
		options = append(options, jwt.WithIssuer(s.Issuer))
	}
	c.parser = jwt.NewParser(options...)
	return c, warnings, nil
}

// parsePublicKey parses a public key of RSA, ECDSA or Ed25519 in PEM.
func parsePublicKey(pem []byte) (jwt.VerificationKey, error) {
	if key, err := jwt.ParseRSAPublicKeyFromPEM(pem); err == nil {
		return key, nil
	}
	if key, err := jwt.ParseECPublicKeyFromPEM(pem); err == nil {
		return key, nil
	}
	if key, err := jwt.ParseEdPublicKeyFromPEM(pem); err == nil {
		return key, nil
	}
	return nil, errors.New("is not a public key of RSA, ECDSA or Ed25519 in PEM: read it with file(...)")
}

// check verifies a token and returns its identity.
func (c *jwtChecker) check(token string) (*identity, error) {
	claims := jwt.MapClaims{}
	_, err := c.parser.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return c.keys, nil })
	if err != nil {
		return nil, fmt.Errorf("jwt: %w", reasonOf(err))
	}
	subject, err := claims.GetSubject()
	if err != nil {
		return nil, errors.New("jwt: sub is not a string")
	}
	expires, err := claims.GetExpirationTime()
	if err != nil || expires == nil {
		return nil, errors.New("jwt: exp is not a time")
	}
	const maxUser = 256
	v := &identity{
		verifiedBy: "JWT",
		user:       strings.Clone(strings.ToValidUTF8(subject[:min(len(subject), maxUser)], "")), expires: expires.Add(c.leeway), all: c.roomsClaim == "",
	}
	if !v.all {
		v.rooms = roomsOf(claims[c.roomsClaim])
	}
	return v, nil
}

// reasonOf returns an error of the library that contains no part of the token.
func reasonOf(err error) error {
	for _, known := range []error{
		jwt.ErrTokenExpired, jwt.ErrTokenNotValidYet, jwt.ErrTokenUsedBeforeIssued, jwt.ErrTokenInvalidAudience, jwt.ErrTokenInvalidIssuer,
		jwt.ErrTokenRequiredClaimMissing, jwt.ErrTokenInvalidClaims, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenMalformed,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	return jwt.ErrTokenUnverifiable
}

// roomsOf reads a list of strings, or one string separated by spaces like the claim "scope".
func roomsOf(claim any) []string {
	const maxRooms = 1000
	var list []string
	switch v := claim.(type) {
	case string:
		list = strings.Fields(v)
	case []any:
		for _, element := range v {
			if text, ok := element.(string); ok {
				list = append(list, text)
			}
		}
	}
	list = slices.DeleteFunc(list, func(pattern string) bool {
		_, err := path.Match(pattern, "")
		return err != nil
	})
	return list[:min(len(list), maxRooms)]
}
