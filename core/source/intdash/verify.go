package intdash

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"sync"

	"github.com/pointsman/pointsman/core/source"
)

// SignatureHeader is the header with the signature of a request: HMAC-SHA256 over the raw bytes of the body in standard
// base64. It is spelled in the canonical form of net/http.
const SignatureHeader = "X-Intdash-Signature-256"

// Reasons why a request is refused.
const (
	sigMissing   = "sig_missing"
	sigDoubled   = "sig_doubled"
	sigMalformed = "sig_malformed"
	sigMismatch  = "sig_mismatch"
)

var refusalReasons = []string{sigMissing, sigDoubled, sigMalformed, sigMismatch}

// verifier holds the secrets of one source.
type verifier struct{ keys []*key }

// verify returns the position of the secret that signed the body, or *source.Refused. It tries all secrets in constant time,
// so that its duration reveals nothing about them.
func (v *verifier) verify(values []string, body []byte) (slot int, err error) {
	switch len(values) {
	case 0:
		return -1, &source.Refused{Reason: sigMissing}
	case 1:
	default:
		return -1, &source.Refused{Reason: sigDoubled} // ambiguous
	}
	sent, ok := decodeSignature(values[0])
	if !ok {
		return -1, &source.Refused{Reason: sigMalformed}
	}
	slot = -1
	for _, k := range v.keys {
		if k.signed(&sent, body) && slot < 0 {
			slot = k.slot
		}
	}
	if slot < 0 {
		return -1, &source.Refused{Reason: sigMismatch}
	}
	return slot, nil
}

// encoding is strict about padding bits, so that a signature has only one spelling.
var encoding = base64.StdEncoding.Strict()

// decodeSignature decodes a signature, which must be the base64 of exactly 32 bytes.
func decodeSignature(value string) (mac [sha256.Size]byte, ok bool) {
	const encodedLen = 44
	if len(value) != encodedLen {
		return mac, false
	}
	// The decoder skips line breaks; with one, 44 characters decode to fewer than 32 bytes.
	var decoded [encodedLen]byte
	n, err := encoding.Decode(decoded[:], []byte(value))
	if err != nil || n != len(mac) {
		return mac, false
	}
	copy(mac[:], decoded[:])
	return mac, true
}

// key is one secret with a pool of initialized HMAC states.
type key struct {
	slot   int
	states sync.Pool // of *state
}

type state struct {
	mac hash.Hash
	sum [sha256.Size]byte
}

func newKey(slot int, secret string) *key {
	return &key{slot: slot, states: sync.Pool{New: func() any { return &state{mac: hmac.New(sha256.New, []byte(secret))} }}}
}

// signed reports whether the signature of body was made with the secret.
func (k *key) signed(signature *[sha256.Size]byte, body []byte) bool {
	s := k.states.Get().(*state)
	defer k.states.Put(s)
	s.mac.Reset()
	s.mac.Write(body)
	return hmac.Equal(s.mac.Sum(s.sum[:0]), signature[:])
}
