package s3

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSequences(t *testing.T) {
	hex, ns, ceph, seconds := hexSequence, nanosecondSequence, cephSequence, secondSequence
	tests := []struct {
		name     string
		sequence func(string) string
		a, b     string
		want     int // a compared with b
	}{
		{"AWS", hex, "0055AED6DCD90281E5", "0055AED6DCD90281E6", -1},
		{"AWS, case", hex, "617f08299329d189", "617F08299329D18A", -1},
		{"AWS, same but for case", hex, "617f08299329d189", "617F08299329D189", 0},
		{"AWS, length", hex, "0A1B2C3D4E5F678901", "0A1B2C3D4E5F6789", 1},
		{"AWS, padded on the right", hex, "9", "10", 1},
		{"AWS, zeros", hex, "00", "000", 0},
		{"AWS, zero is the least", hex, "0", "00000001", -1},
		{"MinIO", ns, "17CB5D822AC08F40", "17CB5D822AC08F41", -1},
		{"MinIO, length", ns, "FFFFFFFFFFFFFFF", "17CB5D822AC08F40", -1},
		{"MinIO, case", ns, "17cb5d822ac08f40", "17CB5D822AC08F40", 0},
		{"Ceph, seconds overflow a byte", ceph, "FFE6D75D00000000", "00E7D75D00000000", -1},
		{"Ceph, nanoseconds", ceph, "F7E6D75DFF000000", "F7E6D75D00010000", -1},
		{"Ceph, seconds before nanoseconds", ceph, "F7E6D75DFFFFFFFF", "F8E6D75D00000000", -1},
		{"Ceph, recorded", ceph, "3F6F026B3BCB4702", "3F6F026BDA758232", -1},
		{"Ceph, recorded, later second", ceph, "3F6F026BDA758232", "456F026BB59C0A10", -1},
		{"VK Cloud", seconds, "999999999", "1714554896", -1},
		{"VK Cloud, same second", seconds, "1714554896", "1714554896", 0},
	}
	for _, tt := range tests {
		a, b := tt.sequence(tt.a), tt.sequence(tt.b)
		if a == "" || b == "" || strings.Compare(a, b) != tt.want {
			t.Errorf("%s: %s is %q, %s is %q: compare as %d, want %d", tt.name, tt.a, a, tt.b, b, strings.Compare(a, b), tt.want)
		}
	}
	if got := ceph("F7E6D75DC742D108"); got != fmt.Sprintf("%08X%08X", 1574430455, 147931847) {
		t.Errorf("Ceph's own example: %s", got)
	}
	if got := ns(fmt.Sprintf("%X", time.Date(2024, 5, 1, 12, 34, 56, 789e6, time.UTC).UnixNano())); got != "17CB5D822AC08F40" {
		t.Errorf("MinIO: %s", got)
	}
	for name, none := range map[string][]string{
		"AWS":      {hex(""), hex("xyz"), hex("-1"), hex("0x1"), hex("1 "), hex(strings.Repeat("1", 129))},
		"MinIO":    {ns(""), ns("+1"), ns("17CB5D822AC08F400"), ns("1_0"), ns("z")},
		"Ceph":     {ceph(""), ceph("F7E6D75D"), ceph("F7E6D75DC742D10"), ceph("G7E6D75DC742D108"), ceph("F7E6D75DC742D10800")},
		"VK Cloud": {seconds(""), seconds("-1"), seconds("1.5"), seconds("1e9"), seconds("17CB"), seconds("99999999999999999999999")},
		"versity":  {noSequence("1"), noSequence("")},
	} {
		if i := slices.IndexFunc(none, func(s string) bool { return s != "" }); i >= 0 {
			t.Errorf("%s: no sequencer %d is %q, want nothing", name, i, none[i])
		}
	}
}

func TestHugeNumbers(t *testing.T) {
	body := bodyOf(changed(t, `"0055AED6"`, fmt.Sprint(uint64(math.MaxUint64)), `"2.1"`, `"1.0"`))
	if got := decodeOne(t, body, DecodeOptions{}).Envelope.GetS3().GetObject().GetSequence(); got != "18446744073709551615" {
		t.Errorf("sequence %s", got)
	}
}
