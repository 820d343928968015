//go:build linux

package benchrooms

import (
	"slices"
	"testing"
	"time"
)

// Frames are counted however they are cut into pieces, and whatever their length.
func TestParse(t *testing.T) {
	var stream []byte
	for _, size := range []int{0, 1, 125} {
		stream = slices.Concat(stream, []byte{0x81, byte(size)}, make([]byte, size))
	}
	stream = slices.Concat(stream, []byte{0x81, 126, 1, 0}, make([]byte, 256))
	stream = slices.Concat(stream, []byte{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}, make([]byte, 65536))
	stream = slices.Concat(stream, []byte{0x8a, 2, 'p', 'o'}) // a pong is no message
	for _, piece := range []int{1, 2, 3, 7, 130, 4096, len(stream)} {
		c, m := &crowd{received: make([]reception, 5)}, &client{counts: true}
		for part := range slices.Chunk(stream, piece) {
			c.parse(m, part, time.Now())
		}
		if got := c.frames.Load(); got != 5 || m.message != 5 || c.received[4].count != 1 || m.have != 0 {
			t.Errorf("in pieces of %d: %d messages", piece, got)
		}
	}
}
