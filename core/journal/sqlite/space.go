package sqlite

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pointsman/pointsman/core/journal"
)

// space knows how much the journal holds and may hold.
type space struct {
	j        *Journal
	pageSize int64
	used     atomic.Int64 // bytes of pages in use
	events   atomic.Int64 // stored
	low      atomic.Bool  // the volume is down to the reserve
	checked  time.Time    // of the volume; the writer's
	pressed  chan struct{}
	rest     atomic.Int64 // until when (Unix nanoseconds) no sweep is asked for, because the last one found nothing
}

// setUsed is told after every commit.
func (s *space) setUsed(pages int64) {
	used := pages * s.pageSize
	s.used.Store(used)
	if now := time.Now(); now.Sub(s.checked) >= 200*time.Millisecond {
		s.checked = now
		s.low.Store(s.volumeLow())
	}
	if used > s.highWater() {
		s.press()
	}
}

// highWater is where settled events begin to go before their time, lowWater where that ends.
func (s *space) highWater() int64 { return s.j.o.MaxBytes / 100 * 90 }
func (s *space) lowWater() int64  { return s.j.o.MaxBytes / 100 * 85 }

// press asks for a sweep.
func (s *space) press() {
	if time.Now().UnixNano() < s.rest.Load() {
		return
	}
	select {
	case s.pressed <- struct{}{}:
	default:
	}
}

// admit refuses n more bytes when there is no room for them.
func (s *space) admit(n int64) error {
	if used := s.used.Load(); used+n > s.j.o.MaxBytes {
		s.press()
		return fmt.Errorf("%w: %d of %d bytes are in use", journal.ErrFull, used, s.j.o.MaxBytes)
	}
	if s.low.Load() && s.volumeLow() {
		return fmt.Errorf("%w: its volume is down to the reserve of free space", journal.ErrFull)
	}
	return nil
}

// volumeLow says whether the volume's free space is below the reserve.
func (s *space) volumeLow() bool {
	var st syscall.Statfs_t
	if s.j.o.Reserve < 0 || syscall.Statfs(s.j.path, &st) != nil {
		return false
	}
	reserve := s.j.o.Reserve
	if reserve == 0 {
		reserve = min(int64(st.Blocks)*int64(st.Bsize)/20, 512<<20) //nolint:unconvert // other systems have other types
	}
	return int64(st.Bavail)*int64(st.Bsize) < reserve //nolint:unconvert // other systems have other types
}
