package sqlite

import (
	"math"
	"time"

	"zombiezen.com/go/sqlite"
)

const (
	// searchTime is how long one list searches. It then returns what it has found, and where to go on.
	searchTime = 50 * time.Millisecond
	// pageBytes is how much content a page holds, give or take one record.
	pageBytes = 8 << 20
)

// search walks the events that a list may show from the newest to the oldest. Each condition jumps over events that it rules out,
// so the search visits those that satisfy all. A condition may let too many pass: who visits an event looks at it closely.
type search struct {
	conditions []condition
	next       int64 // events from this one on are done with
	end        time.Time
}

// condition is a condition of a list, or a weaker one. last returns an event that is not above seq, so that no event in between
// satisfies the condition; 0 if none does.
type condition interface {
	last(seq int64) (int64, error)
}

// newSearch makes a search of the events before the number before (0: all).
func newSearch(c *sqlite.Conn, before int64, limit time.Duration) (*search, error) {
	exists, err := newLookup(c, "SELECT max(seq) FROM event WHERE seq <= ?1")
	s := &search{conditions: []condition{exists}, next: before, end: time.Now().Add(limit)}
	if before == 0 {
		s.next = math.MaxInt64
	}
	return s, err
}

// run calls visit with one event after the other until visit returns false, none is left, or the time is over. It always makes
// progress. Afterwards the search can go on at s.next; see over.
func (s *search) run(visit func(event int64) (more bool, err error)) error {
	for !s.over() {
		event, err := s.candidate()
		if err != nil {
			return err
		}
		if event != 0 {
			if more, err := visit(event); err != nil || !more {
				return err
			}
		}
		if s.late() {
			return nil
		}
	}
	return nil
}

// candidate moves next down to the next event that passes all conditions and returns it. It returns 0 if none is left or the time is
// over.
func (s *search) candidate() (int64, error) {
	passed := 0
	for i := 0; passed < len(s.conditions); i++ {
		event, err := s.conditions[i%len(s.conditions)].last(s.next - 1)
		if err != nil {
			return 0, err
		}
		if event == s.next-1 && event > 0 {
			passed++
			continue
		}
		s.next, passed = event+1, 1
		if s.over() || s.late() {
			return 0, nil
		}
	}
	s.next--
	return s.next, nil
}

func (s *search) over() bool { return s.next <= 1 }
func (s *search) late() bool { return !time.Now().Before(s.end) }

// lookup is a condition that asks the file for the event. Its statement has the number of the event as its first parameter.
type lookup struct{ *sqlite.Stmt }

func newLookup(c *sqlite.Conn, sql string, arg ...string) (lookup, error) {
	stmt, err := c.Prepare(sql)
	if err != nil {
		return lookup{}, err
	}
	for i, text := range arg {
		stmt.BindText(i+2, text)
	}
	return lookup{stmt}, nil
}

func (l lookup) last(seq int64) (int64, error) {
	l.BindInt64(1, seq)
	return intOf(l.Stmt)
}
