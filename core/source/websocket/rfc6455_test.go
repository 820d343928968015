package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// withRSV is a frame with reserved bits set.
func withRSV(rsv byte) []byte {
	f := ws.NewTextFrame([]byte("x"))
	f.Header.Rsv = rsv
	return masked(f)
}

// TestFrames sends the frames that RFC 6455 has an opinion on. What is right becomes a message; what is not closes the
// connection with the code that the RFC gives.
func TestFrames(t *testing.T) {
	const text, binary, more, ping, pong, bye = ws.OpText, ws.OpBinary, ws.OpContinuation, ws.OpPing, ws.OpPong, ws.OpClose
	large := strings.Repeat("x", 32<<10)
	long := strings.Repeat("é", 8<<10)
	fragments := func(n int, of string) []byte {
		all := [][]byte{frame(text, false, of)}
		for range n - 2 {
			all = append(all, frame(more, false, of))
		}
		return slices.Concat(append(all, frame(more, true, of))...)
	}
	for _, c := range []struct {
		name string
		in   []byte
		want string // the message; or else:
		code int
	}{
		{"text", frame(text, true, "hello"), "hello", 0},
		{"empty text", frame(text, true, ""), "", 0},
		{"125 bytes", frame(text, true, large[:125]), large[:125], 0},
		{"126 bytes", frame(text, true, large[:126]), large[:126], 0},
		{"UTF-8 of two bytes", frame(text, true, long), long, 0},
		{"a frame as large as allowed", frame(text, true, large), large, 0},
		{"fragments", slices.Concat(frame(text, false, "he"), frame(more, false, "l"), frame(more, true, "lo")), "hello", 0},
		{"empty fragments", slices.Concat(frame(text, false, ""), frame(more, false, ""), frame(more, true, "")), "", 0},
		{"a message as large as allowed", fragments(4, large), strings.Repeat(large, 4), 0},
		{"ping and pong inside of fragments", slices.Concat(frame(text, false, "he"), frame(ping, true, "p"), frame(more, false, "l"), frame(pong, true, ""), frame(more, true, "lo")), "hello", 0},
		{"a character across fragments", slices.Concat(frame(text, false, "\xce"), frame(more, true, "\xba")), "\xce\xba", 0},
		{"a ping of 125 bytes", slices.Concat(frame(ping, true, large[:125]), frame(text, true, "x")), "x", 0},
		{"an unasked pong", slices.Concat(frame(pong, true, "?"), frame(text, true, "x")), "x", 0},

		{"invalid UTF-8", frame(text, true, "a\xff"), "", codeNotUTF8},
		{"a surrogate", frame(text, true, "\xed\xa0\x80"), "", codeNotUTF8},
		{"an overlong form", frame(text, true, "\xc0\xaf"), "", codeNotUTF8},
		{"beyond Unicode", frame(text, true, "\xf4\x90\x80\x80"), "", codeNotUTF8},
		{"half a character", frame(text, true, "\xce"), "", codeNotUTF8},
		{"invalid UTF-8 across fragments", slices.Concat(frame(text, false, "a\xce"), frame(more, true, "a")), "", codeNotUTF8},
		{"reserved bit 1: compression was not negotiated", withRSV(4), "", codeProtocol},
		{"reserved bit 2", withRSV(2), "", codeProtocol},
		{"reserved bit 3", withRSV(1), "", codeProtocol},
		{"reserved data opcode", frame(3, true, "x"), "", codeProtocol},
		{"reserved control opcode", frame(11, true, "x"), "", codeProtocol},
		{"not masked", ws.MustCompileFrame(ws.NewTextFrame([]byte("x"))), "", codeProtocol},
		{"a continuation of nothing", frame(more, true, "x"), "", codeProtocol},
		{"a message inside of another", slices.Concat(frame(text, false, "x"), frame(text, true, "y")), "", codeProtocol},
		{"a ping in fragments", frame(ping, false, "x"), "", codeProtocol},
		{"a ping of 126 bytes", frame(ping, true, large[:126]), "", codeProtocol},
		{"a close frame of 126 bytes", frame(bye, true, "\x03\xe8"+large[:124]), "", codeProtocol},
		{"the longest length's highest bit", []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, "", codeProtocol},
		{"a frame too large", frame(text, true, large+"x"), "", codeTooLarge},
		{"a frame announced too large", []byte{0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4}, "", codeTooLarge},
		{"a message too large", slices.Concat(frame(text, false, large), slices.Repeat(frame(more, false, large), 3), frame(more, true, "x")), "", codeTooLarge},
		{"too many fragments", fragments(maxFragments+2, "x"), "", codePolicy},
		{"too many pings", slices.Repeat(frame(ping, true, ""), controlBurst+1), "", codePolicy},
		{"binary", frame(binary, true, "x"), "", codeUnsupported},

		{"close", frame(bye, true, "\x03\xe8"), "", codeNormal},
		{"close with a reason", frame(bye, true, "\x03\xe9bye"), "", codeGoingAway},
		{"close without a code", frame(bye, true, ""), "", codeNone},
		{"close with a code of one's own", frame(bye, true, "\x0f\xa0"), "", 4000},
		{"close with a code registered later", frame(bye, true, "\x03\xf4"), "", 1012},
		{"close inside of fragments", slices.Concat(frame(text, false, "x"), frame(bye, true, "\x03\xe8")), "", codeNormal},
		{"close with half a code", frame(bye, true, "\x03"), "", codeProtocol},
		{"close with 999", frame(bye, true, "\x03\xe7"), "", codeProtocol},
		{"close with 1004", frame(bye, true, "\x03\xec"), "", codeProtocol},
		{"close with 1005", frame(bye, true, "\x03\xed"), "", codeProtocol},
		{"close with 1006", frame(bye, true, "\x03\xee"), "", codeProtocol},
		{"close with 1015", frame(bye, true, "\x03\xf7"), "", codeProtocol},
		{"close with 2999", frame(bye, true, "\x0b\xb7"), "", codeProtocol},
		{"close with 5000", frame(bye, true, "\x13\x88"), "", codeProtocol},
		{"close with a reason that is not UTF-8", frame(bye, true, "\x03\xe8\xff"), "", codeNotUTF8},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, "")
			k := f.join("a")
			k.write(c.in)
			if c.code == 0 {
				if got := f.expect(TypeMessage).GetText(); got != c.want {
					t.Fatalf("message of %d bytes, want %d", len(got), len(c.want))
				}
				f.leave(k)
				return
			}
			if code := k.ends(); code != c.code {
				t.Fatalf("closed with %d, want %d", code, c.code)
			}
			if got := f.expect(TypeDisconnect).GetCloseCode(); int(got) != c.code {
				t.Errorf("disconnect event with %d, want %d", got, c.code)
			}
			if n := len(f.intake.events); n != 0 {
				t.Errorf("%d more events", n)
			}
		})
	}
}

// A client is answered whatever the size of the pieces that its bytes come in.
func TestFramesByteByByte(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	in := slices.Concat(frame(ws.OpText, false, "hé"), frame(ws.OpPing, true, "p"), frame(ws.OpContinuation, true, strings.Repeat("l", 200)+"o"))
	for _, b := range in {
		k.write([]byte{b})
	}
	if got := k.next(); got.Header.OpCode != ws.OpPong || string(got.Payload) != "p" {
		t.Errorf("got %v, want a pong", got)
	}
	if got := f.expect(TypeMessage).GetText(); got != "hé"+strings.Repeat("l", 200)+"o" {
		t.Errorf("message %q", got)
	}
	f.leave(k)
}

// What a client sends together with its handshake is not lost.
func TestEarlyFrames(t *testing.T) {
	f := newFixture(t, "")
	k := f.dial()
	k.write(slices.Concat([]byte("GET /ws?room=a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "+handshakeKey+"\r\n\r\n"), frame(ws.OpText, true, "early"), frame(ws.OpText, true, "birds")))
	f.expect(TypeConnect)
	for _, want := range []string{"early", "birds"} {
		if got := f.expect(TypeMessage).GetText(); got != want {
			t.Errorf("message %q, want %q", got, want)
		}
	}
}

// FuzzFrames reads anything as frames. What comes out as a message is one.
func FuzzFrames(f *testing.F) {
	f.Add(frame(ws.OpText, true, "hello"))
	f.Add(slices.Concat(frame(ws.OpText, false, "h\xc3"), frame(ws.OpPing, true, "p"), frame(ws.OpContinuation, true, "\xa9"), frame(ws.OpClose, true, "\x03\xe8")))
	f.Add(withRSV(4))
	f.Add([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0, 0x80, 0, 1, 2, 3, 4})
	f.Add(slices.Concat(slices.Repeat(frame(ws.OpPong, true, ""), 40), frame(ws.OpBinary, true, "x")))
	s := newUnserved(f, `{"limits":{"frame_bytes":200,"message_bytes":300}}`)
	f.Fuzz(func(t *testing.T, in []byte) {
		c := s.newConn(httptest.NewRequest("GET", "/ws", nil), anonymous, s.now())
		c.read = bufio.NewReaderSize(bytes.NewReader(in), 16)
		for {
			op, message, err := c.readMessage()
			if v, ok := errors.AsType[*violation](err); ok && !validCloseCode(v.code) {
				t.Fatalf("%x: %v", in, v)
			}
			if err != nil || op == ws.OpClose {
				return
			}
			if !op.IsData() || op == ws.OpContinuation || len(message) > 300 || op == ws.OpText && !utf8.Valid(message) {
				t.Fatalf("%x: opcode %d, %q", in, op, message)
			}
		}
	})
}

// A client that is gone without a word ends with 1006, in the middle of a frame too.
func TestVanished(t *testing.T) {
	f := newFixture(t, "")
	for _, in := range [][]byte{nil, frame(ws.OpText, true, "hello")[:3], frame(ws.OpText, false, "hello")} {
		k := f.join("a")
		k.write(in)
		_ = k.net.Close()
		if got := f.expect(TypeDisconnect).GetCloseCode(); got != codeAbnormal {
			t.Errorf("disconnect event with %d", got)
		}
	}
}
