package journal

import "google.golang.org/protobuf/encoding/protowire"

// IsSensitive reads the field sensitive of an encoded envelope without decoding the rest. What cannot be read is taken as sensitive.
func IsSensitive(envelope []byte) bool {
	const field = 14
	sensitive := false
	for len(envelope) > 0 {
		number, kind, n := protowire.ConsumeTag(envelope)
		if n < 0 {
			return true
		}
		size := protowire.ConsumeFieldValue(number, kind, envelope[n:])
		if size < 0 {
			return true
		}
		if number == field && kind == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(envelope[n:])
			sensitive = v != 0
		}
		envelope = envelope[n+size:]
	}
	return sensitive
}
