package intdash

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxLine limits one line in memory. A number needs some 300 bytes; longer lines are images and the like.
const maxLine = 1 << 20

// Summary counts the content of a stream.
type Summary struct {
	// Points is the number of points passed to each.
	Points int64
	// Vectors is how many points held several numbers.
	Vectors int64
	// Other is how many points were of other types or not selected.
	Other int64
	// Unconverted is how many points the server reported that it could not convert.
	Unconverted int64
}

// readStream reads JSON lines to the end of r and passes every point to each. The series was complete only if the error is nil.
func readStream(r io.Reader, filters []Filter, each func(Point)) (Summary, error) {
	var sum Summary
	lines := bufio.NewReaderSize(r, 64<<10)
	var long []byte
	for n := int64(1); ; n++ {
		b, err := readLine(lines, &long)
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if errors.Is(err, errLongLine) {
			sum.Other++
			continue
		}
		if err != nil {
			return sum, err
		}
		if len(b) == 0 {
			continue
		}
		k, p, text, err := decodeLine(b, filters)
		if err != nil {
			return sum, permanent("intdash: line %d of the data: %v", n, err)
		}
		if k == kindStopped {
			return sum, &Error{Message: fmt.Sprintf("intdash: the server stopped at line %d of the data: %s", n, text)}
		}
		sum.count(k)
		if k == kindPoint {
			each(p)
		}
	}
}

func (s *Summary) count(k kind) {
	switch k {
	case kindPoint:
		s.Points++
	case kindVector:
		s.Vectors++
	case kindUnconverted:
		s.Unconverted++
	default:
		s.Other++
	}
}

var errLongLine = errors.New("line is too long")

// readLine returns the next line without its line break, valid until the next call. It returns errLongLine for a line longer than
// maxLine, which it skips, and io.EOF only at a clean end. buf is scratch space.
func readLine(r *bufio.Reader, buf *[]byte) ([]byte, error) {
	b, err := r.ReadSlice('\n')
	if err == nil {
		return bytes.TrimSpace(b), nil
	}
	*buf = (*buf)[:0]
	tooLong := false
	for errors.Is(err, bufio.ErrBufferFull) {
		if tooLong = tooLong || len(*buf)+len(b) > maxLine; !tooLong {
			*buf = append(*buf, b...)
		}
		b, err = r.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	if tooLong || len(*buf)+len(b) > maxLine {
		return nil, errLongLine
	}
	*buf = append(*buf, b...)
	if err == io.EOF && len(*buf) == 0 {
		return nil, io.EOF
	}
	return bytes.TrimSpace(*buf), nil // a last line without a line break; if it is cut, it is not a JSON object
}

// idleReader calls stalled when no byte arrives for d during a Read.
type idleReader struct {
	r     io.Reader
	timer *time.Timer
	d     time.Duration
}

func newIdleReader(r io.Reader, d time.Duration, stalled func()) *idleReader {
	return &idleReader{r: r, timer: time.AfterFunc(d, stalled), d: d}
}

func (i *idleReader) Read(p []byte) (int, error) {
	i.timer.Reset(i.d)
	defer i.timer.Stop()
	return i.r.Read(p)
}

func (i *idleReader) stop() { i.timer.Stop() }
