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
	// BodyTime is the longest time for a whole body. Default 30 s.
	BodyTime time.Duration
	// BodyStall is the longest wait for the next byte, and the grace before MinRate counts. Default 10 s.
	BodyStall time.Duration
	// MinRate is the slowest average in bytes per second. Default 1 KiB/s.
	MinRate int64
	// Accept is the longest wait for events to be durable. Default 10 s.
	Accept time.Duration
	// InFlight is how many requests the source handles at a time. Default 256.
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

// deadline is when the next byte must have come, after n bytes since start.
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
	// trustedLength is how much is allocated on a sender's word alone, before it has shown that it knows a secret.
	trustedLength = 64 << 10
	// unknownLength is how much is allocated at first for a body of unknown length.
	unknownLength = 4 << 10
)

// readBody reads the whole body into memory of its own: the bytes become the envelope's. On any outcome but accepted, err
// says why and the connection is to be closed.
//
// The last deadline is left in force on purpose: the server sets its own before it reads the next request, and clearing
// it here would cost every request a system call's worth of work.
func readBody(w http.ResponseWriter, r *http.Request, l *Limits) ([]byte, outcome, error) {
	if r.ContentLength > l.Body {
		return nil, bodyTooLarge, nil
	}
	if r.ContentLength == 0 {
		return nil, accepted, nil
	}
	from, want, room := io.Reader(r.Body), r.ContentLength, min(r.ContentLength, trustedLength)
	if want < 0 {
		from, want, room = http.MaxBytesReader(w, r.Body, l.Body), l.Body+1, unknownLength
	}
	control := http.NewResponseController(w)
	body := make([]byte, 0, room)
	start := time.Now()
	for now := start; int64(len(body)) < want; now = time.Now() {
		// A writer without deadlines (in tests) is bounded by the server's ReadTimeout alone.
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

// grow makes room for at least one byte more, at most doubling and never beyond want.
func grow(body []byte, want int64) []byte {
	if len(body) < cap(body) {
		return body
	}
	bigger := make([]byte, len(body), min(want, 2*int64(cap(body))))
	copy(bigger, body)
	return bigger
}

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
