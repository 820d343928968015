package source

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// Limits bound what one source spends on requests. A zero field means its default.
type Limits struct {
	// Body is the largest body in bytes. Default 1 MiB.
	Body int64
	// BodyTime is the timeout for the whole body. Default 30 s.
	BodyTime time.Duration
	// BodyStall is the timeout for the next byte, and the grace period before MinRate applies. Default 10 s.
	BodyStall time.Duration
	// MinRate is the lowest average rate in bytes per second. Default 1 KiB/s.
	MinRate int64
	// Accept is the timeout for storing the events. Default 10 s.
	Accept time.Duration
	// InFlight is the number of requests the source handles concurrently. Default 256.
	InFlight int64
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Body, 1<<20)
	setDefault(&l.BodyTime, 30*time.Second)
	setDefault(&l.BodyStall, 10*time.Second)
	setDefault(&l.MinRate, 1<<10)
	setDefault(&l.Accept, 10*time.Second)
	setDefault(&l.InFlight, 256)
	return l
}

func setDefault[T ~int64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// deadline returns when the next byte must arrive, given n bytes received since start.
func (l *Limits) deadline(start, now time.Time, n int) time.Time {
	byRate := start.Add(l.BodyStall + time.Duration(n)*time.Second/time.Duration(l.MinRate))
	return earliest(byRate, now.Add(l.BodyStall), start.Add(l.BodyTime))
}

func earliest(t time.Time, others ...time.Time) time.Time {
	for _, o := range others {
		if o.Before(t) {
			t = o
		}
	}
	return t
}

const (
	// maxPrealloc limits the first allocation, because Content-Length comes from a sender that is not authenticated yet.
	maxPrealloc = 64 << 10
	// chunkedPrealloc is the first allocation for a body of unknown length.
	chunkedPrealloc = 4 << 10
)

// readBody reads the whole body into a new slice, because the envelope keeps the bytes. For any outcome but accepted, err
// has the cause and the connection must be closed.
//
// It leaves the last read deadline in place: the server sets its own before it reads the next request, and clearing the
// deadline here would cost every request a system call.
func readBody(w http.ResponseWriter, r *http.Request, l *Limits) ([]byte, outcome, error) {
	if r.ContentLength > l.Body {
		return nil, bodyTooLarge, nil
	}
	if r.ContentLength == 0 {
		return nil, accepted, nil
	}
	from, want, room := io.Reader(r.Body), r.ContentLength, min(r.ContentLength, maxPrealloc)
	if want < 0 {
		from, want, room = http.MaxBytesReader(w, r.Body, l.Body), l.Body+1, chunkedPrealloc
	}
	control := http.NewResponseController(w)
	body := make([]byte, 0, room)
	start := time.Now()
	for now := start; int64(len(body)) < want; now = time.Now() {
		// Writers that support no deadlines exist only in tests; the server's ReadTimeout still applies.
		if err := control.SetReadDeadline(l.deadline(start, now, len(body))); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return nil, bodyBroken, err
		}
		body = grow(body, want)
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF && (r.ContentLength < 0 || int64(len(body)) == want) {
			return body, accepted, nil
		}
		if err != nil {
			return nil, readOutcome(err), err
		}
	}
	return body, accepted, nil
}

// grow makes room for at least one more byte. It at most doubles the capacity and never exceeds want.
func grow(body []byte, want int64) []byte {
	if len(body) < cap(body) {
		return body
	}
	bigger := make([]byte, len(body), min(want, 2*int64(cap(body))))
	copy(bigger, body)
	return bigger
}

// readOutcome returns the outcome of a request whose body could not be read.
func readOutcome(err error) outcome {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return bodyTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return bodyTooSlow
	}
	return bodyBroken
}
