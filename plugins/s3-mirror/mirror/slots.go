package mirror

import (
	"context"
	"math/bits"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// slots bounds the memory of all transfers together. A slot is a buffer of at most the part size, and every transfer needs one or
// more of them.
type slots struct {
	taken *semaphore.Weighted
	count int64
	size  int64
	free  chan []byte // unused buffers
}

func newSlots(count int, size int64) *slots {
	return &slots{taken: semaphore.NewWeighted(int64(count)), count: int64(count), size: size, free: make(chan []byte, count)}
}

// slot is a buffer with its share of the limit.
type slot struct {
	owner  *slots
	weight int64
	buffer []byte
}

// take waits for room for n bytes. Parts that are bigger than the part size, those of huge objects, take several slots.
func (s *slots) take(ctx context.Context, n int64) (*slot, error) {
	weight := min(max((n+s.size-1)/s.size, 1), s.count)
	if err := s.taken.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	return &slot{owner: s, weight: weight, buffer: s.buffer(n)}, nil
}

// leastReserved slots allow two parts in transfer while the next is read: the transfer manager has a buffer for each part in
// transfer, one that it reads into, and one for the first part.
const leastReserved = 5

// reserve takes the slots for the parts of one object: half of all, so that small objects still get through. parallel is the
// number of parts that may be in transfer.
func (s *slots) reserve(ctx context.Context) (parallel int, release func(), err error) {
	weight := min(max(leastReserved, s.count/2), s.count)
	if err := s.taken.Acquire(ctx, weight); err != nil {
		return 0, nil, err
	}
	return int(max(1, weight-2)), func() { s.taken.Release(weight) }, nil
}

// buffer returns an unused buffer that is big enough, or a new one. Capacities are powers of two, so that buffers fit more often.
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

// maxBurst is the largest read under a bandwidth limit.
const maxBurst = 256 << 10

func newLimiter(perSecond int64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), int(min(perSecond, maxBurst)))
}
