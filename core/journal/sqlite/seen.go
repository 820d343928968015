package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// Duplicates are found without an index on random text, which would dirty one page of the file for every event. A commit
// appends the hashes of all its keys as one row of table seen_tail, and they stay in memory until there are tuning.runSize of
// them. Then they become a run: sorted, split by their leading bits into chunks of about 64, with a filter in memory that
// excludes almost every new key without a read. A run is deleted when its last window has ended and its events are deleted;
// until then it also maps (source, event id) to the event.

// keyHash is 128 bits of SHA-256 over (kind, source, value), so that not even an attacker can make two keys collide.
type keyHash [16]byte

// Kinds of key.
const (
	kindKey = 'k'
	kindID  = 'i' // finds the event by its id; never makes a duplicate
)

// entryKey is a key of an entry, hashed by the caller's goroutine.
type entryKey struct {
	hash   keyHash
	window time.Duration // 0 for kindID
}

// seenEntry maps a key to its event.
type seenEntry struct {
	event   int64
	expires uint32 // Unix seconds, rounded up; 0: never a duplicate
}

// seenBytes is the size of an entry in the file: hash, event, expires; little endian.
const seenBytes = 16 + 8 + 4

func hashKey(kind byte, source, value string) (h keyHash) {
	var buf [256]byte
	b := binary.AppendUvarint(append(buf[:0], kind), uint64(len(source)))
	b = append(append(b, source...), value...)
	sum := sha256.Sum256(b)
	copy(h[:], sum[:])
	return h
}

// keysOf returns the keys of an entry, and one for its id if that is not among them. A replay has none, so that its id still leads
// to the event that it repeats.
func keysOf(e *journal.Entry, window time.Duration) []entryKey {
	if e.ReplayOf != 0 {
		return nil
	}
	keys := make([]entryKey, 0, len(e.Keys)+1)
	named := false
	for _, k := range e.Keys {
		w := k.Window
		if w <= 0 {
			w = window
		}
		keys = append(keys, entryKey{hashKey(kindKey, e.Source, k.Value), w})
		named = named || k.Value == e.ID
	}
	if !named {
		keys = append(keys, entryKey{hash: hashKey(kindID, e.Source, e.ID)})
	}
	return keys
}

func appendSeen(b []byte, h keyHash, e seenEntry) []byte {
	b = append(b, h[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.event))
	return binary.LittleEndian.AppendUint32(b, e.expires)
}

func decodeSeen(b []byte) (h keyHash, e seenEntry) {
	copy(h[:], b)
	e.event = int64(binary.LittleEndian.Uint64(b[16:]))
	e.expires = binary.LittleEndian.Uint32(b[24:])
	return h, e
}

// seen is the set of dedupe keys. It belongs to the writer's goroutine; a flush also reads flushing.
type seen struct {
	recent   map[keyHash]seenEntry
	flushing map[keyHash]seenEntry // being written as a run
	runs     []*run                // oldest first
	full     chan struct{}         // signals runSweeps that recent is large enough for a run
	size     int
}

func newSeen(size int) *seen {
	return &seen{recent: make(map[keyHash]seenEntry), full: make(chan struct{}, 1), size: size}
}

// lookup reports whether any of the keys is within its window, and returns its event.
func (s *seen) lookup(t *tx, keys []entryKey) (event int64, found bool, err error) {
	now := uint32(t.now / int64(time.Second))
	for _, k := range keys {
		if k.window == 0 {
			continue
		}
		for _, m := range []map[keyHash]seenEntry{t.newKeys, s.recent, s.flushing} {
			if e, ok := m[k.hash]; ok && e.expires > now {
				return e.event, true, nil
			}
		}
		for _, r := range slices.Backward(s.runs) {

			if r.expires <= now || !r.filter.has(k.hash) {
				continue
			}
			e, ok, err := r.find(t.w.s.chunk, k.hash)
			if err != nil {
				return 0, false, err
			}
			if ok && e.expires > now {
				return e.event, true, nil
			}
		}
	}
	return 0, false, nil
}

// learn adds the keys of an event to the transaction.
func (t *tx) learn(keys []entryKey, event int64) {
	for _, k := range keys {
		e := seenEntry{event: event}
		if k.window > 0 {
			const sec = int64(time.Second)
			e.expires = uint32(min((t.now+int64(k.window)+sec-1)/sec, 1<<32-1))
		}
		t.newKeys[k.hash] = e
		t.tail = appendSeen(t.tail, k.hash, e)
	}
}

// remember adds the keys of a transaction after its commit.
func (s *seen) remember(learnt map[keyHash]seenEntry) {
	maps.Copy(s.recent, learnt)
	if len(s.recent) >= s.size && s.flushing == nil {
		select {
		case s.full <- struct{}{}:
		default:
		}
	}
}
