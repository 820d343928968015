package s3

import (
	"fmt"
	"strconv"
	"strings"
)

// The functions below make a sequencer comparable byte by byte with others of its key and dialect, "" when it is none.

// hexSequence is for AWS: hexadecimal digits of any number, of which the shorter is to be filled up with zeros at its right
// end before comparing. That is the same as leaving out all zeros there.
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

// cephSequence is for Ceph: seconds and nanoseconds, each the memory of a 32-bit number of a little-endian machine.
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

// noSequence is for versitygw, which counts from 1 again each time it starts.
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
