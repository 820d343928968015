package mirror

import (
	"context"
	"math/bits"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// slots bounds the memory of all transfers together: whoever holds bytes of an object holds a slot, and a slot is a
// buffer of at most the part size. All objects share them.
type slots struct {
	taken *semaphore.Weighted
	count int64
	size  int64
	free  chan []byte // buffers that nobody uses
}

func newSlots(count int, size int64) *slots {
	return &slots{taken: semaphore.NewWeighted(int64(count)), count: int64(count), size: size, free: make(chan []byte, count)}
}

// slot is a buffer and the right to have it.
type slot struct {
	owner  *slots
	weight int64
	buffer []byte
}

// take waits for room for n bytes. Parts of objects so big that theirs are bigger than the part size take several slots.
func (s *slots) take(ctx context.Context, n int64) (*slot, error) {
	weight := min(max((n+s.size-1)/s.size, 1), s.count)
	if err := s.taken.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	return &slot{owner: s, weight: weight, buffer: s.buffer(n)}, nil
}

// leastReserved slots let two parts of an object be on their way while the next is read: the transfer manager has a buffer for
// each part under way, one that it reads into, and the first part's own.
const leastReserved = 5

// reserve takes the slots for the parts of one object: half of all, so that small objects still get through. parallel is how
// many parts may be on their way.
func (s *slots) reserve(ctx context.Context) (parallel int, release func(), err error) {
	weight := min(max(leastReserved, s.count/2), s.count)
	if err := s.taken.Acquire(ctx, weight); err != nil {
		return 0, nil, err
	}
	return int(max(1, weight-2)), func() { s.taken.Release(weight) }, nil
}

// buffer reuses one that is big enough. Sizes are powers of two, so that mixed sizes do not make a new one each time.
func (s *slots) buffer(n int64) []byte {
	select {
	case b := <-s.free:
		if int64(cap(b)) >= n {
			return b[:n]
		}
	default:
	}
	if n > s.size {
		return make([]byte, n)
	}
	return make([]byte, n, min(max(int64(1)<<bits.Len64(uint64(max(n-1, 0))), 64<<10), s.size))
}

func (s *slot) release() {
	if int64(cap(s.buffer)) <= s.owner.size {
		select {
		case s.owner.free <- s.buffer:
		default:
		}
	}
	s.buffer = nil
	s.owner.taken.Release(s.weight)
}

// maxBurst is the most that is read at once under a bandwidth limit.
const maxBurst = 256 << 10

func newLimiter(perSecond int64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), int(min(perSecond, maxBurst)))
}
