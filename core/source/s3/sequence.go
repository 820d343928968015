package s3

import (
	"fmt"
	"strconv"
	"strings"
)

// The functions below convert a sequencer to a form that compares byte by byte with others of its key and dialect. They
// return "" for an invalid one.

// hexSequence is for AWS: hexadecimal strings of different lengths; before comparing, the shorter one is padded with zeros on
// the right. Removing all trailing zeros has the same effect.
func hexSequence(sequencer string) string {
	if !isHex(sequencer) {
		return ""
	}
	if digits := strings.TrimRight(strings.ToUpper(sequencer), "0"); digits != "" {
		return digits
	}
	return "0"
}

// nanosecondSequence is for MinIO: nanoseconds since 1970 in hexadecimal without leading zeros.
func nanosecondSequence(sequencer string) string {
	if n, err := strconv.ParseUint(sequencer, 16, 64); err == nil && isHex(sequencer) {
		return fmt.Sprintf("%016X", n)
	}
	return ""
}

// cephSequence is for Ceph: seconds and nanoseconds, each the hexadecimal dump of a little-endian 32-bit number.
func cephSequence(sequencer string) string {
	if len(sequencer) != 16 || !isHex(sequencer) {
		return ""
	}
	s := strings.ToUpper(sequencer)
	return s[6:8] + s[4:6] + s[2:4] + s[0:2] + s[14:16] + s[12:14] + s[10:12] + s[8:10]
}

// secondSequence is for VK Cloud: seconds since 1970. Two changes within a second compare equal.
func secondSequence(sequencer string) string {
	if n, err := strconv.ParseUint(sequencer, 10, 64); err == nil {
		return fmt.Sprintf("%020d", n)
	}
	return ""
}

// noSequence is for versitygw, whose counter restarts at 1 with the process.
func noSequence(string) string { return "" }

func isHex(s string) bool {
	const longest = 128 // AWS sends 16 or 18 digits
	if s == "" || len(s) > longest {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
