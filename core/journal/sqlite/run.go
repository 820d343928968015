package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"zombiezen.com/go/sqlite"
)

// chunkEntries is the approximate number of entries in a row of a run: two rows fill a page.
const chunkEntries = 64

// run is an immutable set of keys in the file.
type run struct {
	id      int64
	bits    uint // number of leading bits of a hash that select its chunk
	last    int64
	expires uint32 // when the last window of its keys ends
	filter  filter
}

func (r *run) chunkID(h keyHash) int64 {
	return r.id<<20 | int64(binary.BigEndian.Uint64(h[:])>>(64-r.bits))
}

// find looks up a key in its chunk.
func (r *run) find(chunk *sqlite.Stmt, h keyHash) (e seenEntry, ok bool, err error) {
	chunk.BindInt64(1, r.chunkID(h))
	row, err := chunk.Step()
	if err != nil || !row {
		return e, false, errors.Join(err, chunk.Reset())
	}
	for b := columnBytes(chunk, 0); len(b) >= seenBytes; b = b[seenBytes:] {
		if bytes.Equal(b[:16], h[:]) {
			_, e = decodeSeen(b)
			ok = true
			break
		}
	}
	return e, ok, chunk.Reset()
}

// chunk is one row of a run.
type chunk struct {
	id      int64
	entries []byte
}

// buildRun makes a run from the entries.
func buildRun(id int64, entries map[keyHash]seenEntry) (*run, []chunk) {
	r := &run{id: id, bits: uint(max(1, min(20, bits.Len(uint(len(entries)/chunkEntries))))), filter: newFilter(len(entries))}
	hashes := make([]keyHash, 0, len(entries))
	for h, e := range entries {
		hashes = append(hashes, h)
		r.last = max(r.last, e.event)
		r.expires = max(r.expires, e.expires)
		r.filter.add(h)
	}
	slices.SortFunc(hashes, func(a, b keyHash) int { return bytes.Compare(a[:], b[:]) })
	var chunks []chunk
	for _, h := range hashes {
		id := r.chunkID(h)
		if n := len(chunks); n == 0 || chunks[n-1].id != id {
			chunks = append(chunks, chunk{id: id, entries: make([]byte, 0, 2*chunkEntries*seenBytes)})
		}
		c := &chunks[len(chunks)-1]
		c.entries = appendSeen(c.entries, h, entries[h])
	}
	return r, chunks
}

// filter is a Bloom filter whose bits for one key share a cache line. It has 16 bits a key and one false positive in 1,000.
type filter []byte

const filterBlock = 64

func newFilter(n int) filter { return make(filter, (n*2+filterBlock)/filterBlock*filterBlock) }

func (f filter) block(h keyHash) []byte {
	n := uint64(len(f) / filterBlock)
	i, _ := bits.Mul64(binary.BigEndian.Uint64(h[:]), n)
	return f[i*filterBlock:][:filterBlock]
}

// Seven positions of nine bits each, from the half of the hash that did not select the block.
const filterHashes = 7

func (f filter) add(h keyHash) {
	b := f.block(h)
	for x, i := binary.BigEndian.Uint64(h[8:]), 0; i < filterHashes; i, x = i+1, x>>9 {
		b[x>>3&63] |= 1 << (x & 7)
	}
}

// has reports whether the run may contain the key. False is certain.
func (f filter) has(h keyHash) bool {
	if len(f) == 0 {
		return true
	}
	b := f.block(h)
	for x, i := binary.BigEndian.Uint64(h[8:]), 0; i < filterHashes; i, x = i+1, x>>9 {
		if b[x>>3&63]&(1<<(x&7)) == 0 {
			return false
		}
	}
	return true
}
