package lsp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
)

// maxMessage bounds a message: an editor sends a whole file in one, and a file has at most 1 MiB.
const maxMessage = 16 << 20

// frames are messages as the protocol sends them: a header with the length, an empty line, JSON. The framing of jrpc2 would allocate
// whatever length the header says.
type frames struct {
	in  *textproto.Reader
	out io.WriteCloser
	end io.Closer // of what in reads; may be nil
}

func newFrames(in io.Reader, out io.WriteCloser) *frames {
	end, _ := in.(io.Closer)
	return &frames{in: textproto.NewReader(bufio.NewReader(in)), out: out, end: end}
}

// Recv implements channel.Channel.
func (f *frames) Recv() ([]byte, error) {
	head, err := f.in.ReadMIMEHeader()
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(head.Get("Content-Length"))
	if err != nil || n < 0 || n > maxMessage {
		return nil, fmt.Errorf("a message of %q bytes: at most %d are read", head.Get("Content-Length"), maxMessage)
	}
	message := make([]byte, n)
	_, err = io.ReadFull(f.in.R, message)
	return message, err
}

// Send implements channel.Channel.
func (f *frames) Send(message []byte) error {
	_, err := fmt.Fprintf(f.out, "Content-Length: %d\r\n\r\n%s", len(message), message)
	return err
}

// Close implements channel.Channel. It ends a Recv that waits.
func (f *frames) Close() error {
	err := f.out.Close()
	if f.end != nil {
		err = errors.Join(err, f.end.Close())
	}
	return err
}
