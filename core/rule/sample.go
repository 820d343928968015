package rule

import (
	"crypto/sha256"
	"encoding/binary"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// takes reports whether the rule's sample has the event. It depends on the event's id alone, so it is the same at every try, in a
// replay and for every rule: what a sample of 0.05 takes, one of 0.1 takes too.
func (p *program) takes(env *pointsmanv1.Envelope) bool {
	return p.sample >= 1 || fraction(env.GetId()) < p.sample
}

// fraction spreads ids evenly over 0 to 1: the first 53 bits of the id's SHA-256.
func fraction(id string) float64 {
	sum := sha256.Sum256([]byte(id))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}
