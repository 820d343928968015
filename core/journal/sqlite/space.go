package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// space tracks how much the journal holds and how much it may hold: MaxBytes, or less when the volume is nearly full.
type space struct {
	j        *Journal
	pageSize int64
	used     atomic.Int64 // bytes of pages in use
	events   atomic.Int64 // stored events
	limit    atomic.Int64 // cap on used, as of the last measure
	pressed  chan struct{}
	rest     atomic.Int64 // no sweep is requested before this time (Unix nanoseconds), because the last one found nothing
	failing  atomic.Bool  // the last transaction failed
}

// setUsed records the pages in use, after every commit.
func (s *space) setUsed(pages int64) {
	used := pages * s.pageSize
	s.used.Store(used)
	s.measure() // two system calls, cheap beside the commit's fsync; 200 ms of load can exceed the reserve of a small volume
	if used > s.highWater() {
		s.press()
	}
}

// Above highWater, sweeps delete settled events before their retention ends, down to lowWater.
func (s *space) highWater() int64 { return s.sweepLimit() / 100 * 90 }
func (s *space) lowWater() int64  { return s.sweepLimit() / 100 * 85 }

// sweepLimit is the cap for sweeps. With a limit of 0 no sweep would help, so history stays.
func (s *space) sweepLimit() int64 {
	if limit := s.limit.Load(); limit > 0 {
		return limit
	}
	return s.j.o.MaxBytes
}

// maxRest is how long a sweep that found nothing keeps the next one from running, once something was settled.
const maxRest = 200 * time.Millisecond

// settled ends the rest early, because a settled event can be deleted.
func (s *space) settled() {
	if soon := time.Now().Add(maxRest).UnixNano(); s.rest.Load() > soon {
		s.rest.Store(soon)
	}
}

// press requests a sweep.
func (s *space) press() {
	if time.Now().UnixNano() < s.rest.Load() {
		return
	}
	select {
	case s.pressed <- struct{}{}:
	default:
	}
}

// admit refuses n more bytes when there is no room for them. A refusal looks at the volume first, so that events are
// accepted again as soon as its space is back.
func (s *space) admit(n int64) error {
	used := s.used.Load()
	if used+n <= s.limit.Load() && !s.failing.Load() {
		return nil
	}
	limit := s.measure()
	if used+n <= limit {
		return nil
	}
	s.press()
	if limit == s.j.o.MaxBytes {
		return fmt.Errorf("%w: %d of %d bytes are in use", journal.ErrFull, used, limit)
	}
	s.j.requestCheckpoint() // the write-ahead log may be what fills the volume
	return fmt.Errorf("%w: the volume of %s is down to its reserve; free some space there", journal.ErrFull, s.j.path)
}

// measure looks at the volume and returns the new limit. Free pages inside the file count as free space, because the next
// events reuse them. The write-ahead log needs space outside of the file: with less than half the reserve left, the limit is 0.
func (s *space) measure() int64 {
	limit := s.j.o.MaxBytes
	total, free := volume(s.j.path)
	if reserve := s.j.o.reserve(total); reserve > 0 {
		if st, err := os.Stat(s.j.path); err == nil {
			limit = max(0, min(limit, st.Size()+free-reserve))
		}
		if free < reserve/2 {
			limit = 0
		}
	}
	s.limit.Store(limit)
	return limit
}

// volumeFull reports whether the volume, not MaxBytes, limits the journal.
func (s *space) volumeFull() bool {
	limit := s.limit.Load()
	return s.failing.Load() || limit < s.j.o.MaxBytes && s.used.Load() > limit/100*90
}

// reserve returns how many bytes of a volume of the given size stay free, 0 when it is not limited or unknown.
func (o *Options) reserve(total int64) int64 {
	if o.Reserve != 0 {
		return max(0, o.Reserve)
	}
	return min(total/20, 512<<20)
}

// volume returns the size and the free space of the volume that holds path, zeros when it is unknown.
func volume(path string) (total, free int64) {
	var st syscall.Statfs_t
	if syscall.Statfs(path, &st) != nil {
		return 0, 0
	}
	return int64(st.Blocks) * int64(st.Bsize), int64(st.Bavail) * int64(st.Bsize) //nolint:unconvert // other systems have other types
}

// walBytes returns after how much writing the log of a journal on this volume is checkpointed: at most half of the default
// reserve, so that a checkpoint finds room for the pages it adds to the file.
func walBytes(path string) int64 {
	total, _ := volume(path)
	if total == 0 {
		return 64 << 20
	}
	return min(max(total/40, 512<<10), 64<<20)
}

// readyBytes is the room for an ordinary event without which the journal is not ready, although a tiny one may still fit.
const readyBytes = 32 << 10

// Ready implements journal.Journal.
func (j *Journal) Ready(ctx context.Context) error {
	if err := j.ended(ctx); err != nil {
		return err
	}
	j.space.measure()
	if err := j.space.admit(readyBytes); err != nil {
		return err
	}
	if !j.space.failing.Load() {
		return nil
	}
	// Without traffic nothing else would notice that the disk works again.
	return j.background(ctx, func(t *tx) error {
		return execute(t.w.c, "UPDATE journal SET swept = swept")
	}, nil)
}

// asFull adds journal.ErrFull to the error of a disk that has no space left.
func asFull(err error) error {
	if isFull(err) && !errors.Is(err, journal.ErrFull) {
		return fmt.Errorf("%w: %w", journal.ErrFull, err)
	}
	return err
}
