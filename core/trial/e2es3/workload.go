package e2es3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"
)

// workload changes the source bucket: several writers, the same keys, every kind of operation.
type workload struct {
	client *s3.Client
	bucket string
	keys   []string
	seed   uint64
	log    io.Writer // one line per operation

	mu              sync.Mutex
	done, conflicts atomic.Int64 // conflicts: failed because another writer had deleted the object
}

// writer is one of the writers. Its decisions depend only on the seed and its number.
type writer struct {
	*workload
	random *rand.Rand
	bytes  *rand.ChaCha8
}

// run distributes ops operations among the writers and returns the first error.
func (w *workload) run(ctx context.Context, writers, ops int) error {
	var all errgroup.Group
	for i := range writers {
		all.Go(func() error { return w.writer(i).work(ctx, ops/writers+min(1, max(0, ops%writers-i))) })
	}
	return all.Wait()
}

func (w *workload) writer(number int) *writer {
	seed := [32]byte{byte(number)}
	for i := range 8 {
		seed[8+i] = byte(w.seed >> (8 * i))
	}
	return &writer{workload: w, random: rand.New(rand.NewPCG(w.seed, uint64(number)+10)), bytes: rand.NewChaCha8(seed)}
}

// work performs n operations. Every 250th uploads a big object, the others are drawn.
func (w *writer) work(ctx context.Context, n int) error {
	for i := range n {
		op := w.draw()
		if i%250 == 100 {
			op = operation{name: "big", do: (*writer).big}
		}
		key := w.keys[w.random.IntN(len(w.keys))]
		err := op.do(w, ctx, key)
		w.note(op.name, key, err)
		if err != nil && !lostRace(err) {
			return fmt.Errorf("%s %q: %w", op.name, key, err)
		}
	}
	return ctx.Err()
}

func (w *writer) note(name, key string, err error) {
	w.done.Add(1)
	if err != nil {
		w.conflicts.Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = fmt.Fprintf(w.log, "%s %-14s %q %v\n", time.Now().Format("15:04:05.000000"), name, key, err) // the test does not depend on its log
}

// lostRace reports whether an error is expected while other writers delete the same keys.
func lostRace(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) &&
		slices.Contains([]string{"NoSuchKey", "NotFound", "NoSuchVersion", "MethodNotAllowed", "NoSuchUpload"}, api.ErrorCode())
}
