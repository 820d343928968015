package sqlite

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"zombiezen.com/go/sqlite"
)

// Lists by source, rule, plugin and time, and of unmatched events, do not read a million events. Events are taken together in blocks of
// 1,024 by their numbers. Table block has a row for each complete block: when its events were received, and for each term, such as a
// source, the set of those that have the term. The writer collects the current block in memory and writes one row when it is complete,
// so an append pays only for a few bits. An ordinary index would dirty a page of the file for each term in every commit. Events of a
// block without a row are read one by one: those of the current block, and those of older versions until the next sweep has added the
// row.

const (
	blockBits   = 10
	blockEvents = 1 << blockBits
)

// term is something that a block knows of its events: a source, a dispatch block, or that no rule matched.
type term int64

const unmatchedTerm term = 0

func sourceTerm(id int64) term   { return term(id << 1) } // ids count from 1
func dispatchTerm(id int64) term { return term(id<<1 | 1) }

// dispatch returns the id of a dispatch block.
func (t term) dispatch() (id int64, ok bool) { return int64(t >> 1), t&1 == 1 }

// eventSet is a set of events of a block, by their positions in it.
type eventSet [blockEvents / 64]uint64

// fullSet has all events of a block.
var fullSet = func() (s eventSet) {
	for i := range s {
		s[i] = math.MaxUint64
	}
	return s
}()

func (s *eventSet) add(i int64) { s[i/64] |= 1 << (i % 64) }

func (s *eventSet) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// last returns the largest member that is not above i, or -1.
func (s *eventSet) last(i int64) int64 {
	for ; i >= 0; i = i/64*64 - 1 {
		if w := s[i/64] << (63 - i%64); w != 0 {
			return i - int64(bits.LeadingZeros64(w))
		}
	}
	return -1
}

func (s *eventSet) union(o *eventSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

func (s *eventSet) intersect(o *eventSet) {
	for i := range s {
		s[i] &= o[i]
	}
}

// block describes 1,024 events.
type block struct {
	id             int64
	oldest, newest int64 // when they were received
	terms          map[term]*eventSet
}

func newBlock(id int64) *block {
	return &block{id: id, oldest: math.MaxInt64, newest: math.MinInt64, terms: make(map[term]*eventSet)}
}

// mark says that an event has a term.
type mark struct {
	event, received int64
	term            term
}

func (b *block) add(m mark) {
	b.oldest, b.newest = min(b.oldest, m.received), max(b.newest, m.received)
	s := b.terms[m.term]
	if s == nil {
		s = new(eventSet)
		b.terms[m.term] = s
	}
	s.add(m.event % blockEvents)
}

// write stores the block's row.
func (b *block) write(c *sqlite.Conn) error {
	return execute(c, "INSERT OR REPLACE INTO block VALUES(?,?,?,?)", b.id, b.oldest, b.newest, b.encode())
}

// encode returns the terms as they are in the row: for each its number, how many events it has, and these as two bytes each or, when
// that is shorter, as a bit for every event of the block.
func (b *block) encode() []byte {
	out := make([]byte, 0, 1024)
	for t, s := range b.terms {
		n := s.count()
		out = binary.AppendUvarint(out, uint64(t))
		out = binary.AppendUvarint(out, uint64(n))
		if 2*n >= blockEvents/8 {
			for _, w := range s {
				out = binary.LittleEndian.AppendUint64(out, w)
			}
			continue
		}
		for i := s.last(blockEvents - 1); i >= 0; i = s.last(i - 1) {
			out = binary.LittleEndian.AppendUint16(out, uint16(i))
		}
	}
	return out
}

var errDamagedBlock = errors.New("a row of table block is damaged")

// eachTerm calls f for each of the encoded terms. members returns the term's events.
func eachTerm(terms []byte, f func(t term, members func() eventSet)) error {
	for len(terms) > 0 {
		t, k := binary.Uvarint(terms)
		n, l := binary.Uvarint(terms[max(k, 0):])
		size := min(2*n, blockEvents/8)
		if k <= 0 || l <= 0 || n > blockEvents || uint64(len(terms)-k-l) < size {
			return errDamagedBlock
		}
		body := terms[k+l:][:size]
		terms = terms[k+l+int(size):]
		f(term(t), func() eventSet { return decodeSet(body) })
	}
	return nil
}

func decodeSet(b []byte) (s eventSet) {
	if len(b) == blockEvents/8 {
		for i := range s {
			s[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
		return s
	}
	for ; len(b) > 0; b = b[2:] {
		s.add(int64(binary.LittleEndian.Uint16(b)) % blockEvents)
	}
	return s
}

// readBlock makes the block with the given number from its events.
func readBlock(c *sqlite.Conn, id int64) (*block, error) {
	b := newBlock(id)
	err := query(c, `SELECT e.seq, e.received, s.id, e.deliveries = 0 AND NOT EXISTS(SELECT 1 FROM quarantine q WHERE q.event = e.seq), d.dispatch
		FROM event e JOIN source s ON s.name = e.source LEFT JOIN delivery d ON d.seq >= e.first AND d.seq < e.first + e.deliveries
		WHERE e.seq BETWEEN ? AND ?`, func(s *sqlite.Stmt) error {
		m := mark{event: s.ColumnInt64(0), received: s.ColumnInt64(1), term: sourceTerm(s.ColumnInt64(2))}
		b.add(m)
		if s.ColumnBool(3) {
			m.term = unmatchedTerm
			b.add(m)
		}
		if !s.ColumnIsNull(4) {
			m.term = dispatchTerm(s.ColumnInt64(4))
			b.add(m)
		}
		return nil
	}, id<<blockBits, (id+1)<<blockBits-1)
	return b, err
}

// blocks are the blocks that are in memory. They belong to the writer.
type blocks struct {
	current  *block
	complete []*block // waiting for the next transaction
}

// add takes in an event that is on disk.
func (b *blocks) add(m mark) {
	if id := m.event >> blockBits; id != b.current.id {
		b.complete = append(b.complete, b.current)
		b.current = newBlock(id)
	}
	b.current.add(m)
}

// write stores the complete blocks in the current transaction.
func (b *blocks) write(c *sqlite.Conn) error {
	for _, k := range b.complete {
		if err := k.write(c); err != nil {
			return err
		}
	}
	return nil
}
