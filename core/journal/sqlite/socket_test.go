package sqlite

import (
	"context"
	"errors"
	"net"
	"net/rpc"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/journaltest"
)

// TestConformanceOverSocket runs the suite against a journal behind a unix socket, as an engine that is a client of a server is.
func TestConformanceOverSocket(t *testing.T) {
	journaltest.RunInRealTime(t, func(tb testing.TB, dir string, o journaltest.Options) journal.Store {
		tb.Helper()
		return overSocket(tb, openWith(tuning{})(tb, dir, o), filepath.Join(tb.TempDir(), "s"))
	})
}

// overSocket serves a store on a socket and returns a client of it.
func overSocket(tb testing.TB, store journal.Store, path string) journal.Store {
	tb.Helper()
	server := rpc.NewServer()
	if err := server.RegisterName("Store", &storeServer{store: store, cancel: map[uint64]context.CancelFunc{}}); err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		if conn, err := l.Accept(); err == nil {
			server.ServeConn(conn)
		}
	}()
	client, err := rpc.Dial("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return &storeClient{rpc: client}
}

// Call is a request: the id by which it can be cancelled and the arguments that its method uses.
type Call struct {
	ID            uint64
	Durability    journal.Durability
	Entries       []journal.Entry
	Plugin        string
	Max           int
	Results       []journal.Settlement
	Seq           int64
	Seqs          []int64
	Source, Event string
	EventQuery    journal.EventQuery
	DeliveryQuery journal.DeliveryQuery
}

// Answer is a response. Err is the text of an error, Is the position of the sentinel in sentinels that it wraps, counted from 1.
type Answer struct {
	Err        string
	Is         int
	Appended   []journal.Appended
	Deliveries []journal.Delivery
	Stats      journal.Stats
	Event      journal.EventRecord
	Delivery   journal.DeliveryRecord
	Events     journal.EventPage
	Records    journal.DeliveryPage
	N          int
}

var sentinels = []error{journal.ErrFull, journal.ErrClosed, journal.ErrNotFound, journal.ErrAmbiguous, context.Canceled, context.DeadlineExceeded}

type storeServer struct {
	store  journal.Store
	mu     sync.Mutex
	cancel map[uint64]context.CancelFunc
}

// run calls f with a context that Cancel can end.
func (s *storeServer) run(c *Call, a *Answer, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.mu.Lock()
	if s.cancel[c.ID] != nil { // Cancel was quicker
		cancel()
	}
	s.cancel[c.ID] = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.cancel, c.ID)
	}()
	if err := f(ctx); err != nil {
		a.Err = err.Error()
		for i, sentinel := range sentinels {
			if errors.Is(err, sentinel) {
				a.Is = i + 1
			}
		}
	}
	return nil
}

func (s *storeServer) Cancel(id uint64, _ *Answer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.cancel[id]; cancel != nil {
		cancel()
	} else {
		s.cancel[id] = func() {} // the call has not begun, or has ended
	}
	return nil
}

func (s *storeServer) Append(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) (err error) {
		a.Appended, err = s.store.Append(ctx, c.Durability, c.Entries)
		return err
	})
}

func (s *storeServer) Claim(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) (err error) {
		a.Deliveries, err = s.store.Claim(ctx, c.Plugin, c.Max)
		return err
	})
}

func (s *storeServer) Settle(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) error { return s.store.Settle(ctx, c.Results) })
}

func (s *storeServer) Ready(c *Call, a *Answer) error { return s.run(c, a, s.store.Ready) }

func (s *storeServer) Close(c *Call, a *Answer) error {
	return s.run(c, a, func(context.Context) error { return s.store.Close() })
}

func (s *storeServer) Stats(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) (err error) {
		a.Stats, err = s.store.Stats(ctx)
		return err
	})
}

func (s *storeServer) Event(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) error {
		r, err := s.store.Event(ctx, c.Seq)
		if err == nil {
			a.Event = *r
		}
		return err
	})
}

func (s *storeServer) FindEvent(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) error {
		r, err := s.store.FindEvent(ctx, c.Source, c.Event)
		if err == nil {
			a.Event = *r
		}
		return err
	})
}

func (s *storeServer) Delivery(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) error {
		r, err := s.store.Delivery(ctx, c.Seq)
		if err == nil {
			a.Delivery = *r
		}
		return err
	})
}

func (s *storeServer) Events(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) (err error) {
		a.Events, err = s.store.Events(ctx, c.EventQuery)
		return err
	})
}

func (s *storeServer) Deliveries(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) (err error) {
		a.Records, err = s.store.Deliveries(ctx, c.DeliveryQuery)
		return err
	})
}

func (s *storeServer) Redrive(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) (err error) {
		a.N, err = s.store.Redrive(ctx, c.Seqs)
		return err
	})
}

func (s *storeServer) Drop(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) (err error) {
		a.N, err = s.store.Drop(ctx, c.Seqs)
		return err
	})
}

func (s *storeServer) DeliverySeq(c *Call, a *Answer) error {
	return s.run(c, a, func(context.Context) error {
		seq, err := s.store.DeliverySeq(c.Event)
		a.N = int(seq)
		return err
	})
}

func (s *storeServer) Sweep(c *Call, a *Answer) error {
	return s.run(c, a, func(ctx context.Context) (err error) {
		a.N, err = s.store.Sweep(ctx)
		return err
	})
}

// storeClient is the journal.Store on the other side of the socket.
type storeClient struct {
	rpc *rpc.Client
	mu  sync.Mutex
	ids uint64
}

func (s *storeClient) call(ctx context.Context, method string, c Call) (*Answer, error) {
	s.mu.Lock()
	s.ids++
	c.ID = s.ids
	s.mu.Unlock()
	a := &Answer{}
	pending := s.rpc.Go("Store."+method, &c, a, make(chan *rpc.Call, 1))
	select {
	case <-pending.Done:
	case <-ctx.Done():
		if err := s.rpc.Call("Store.Cancel", c.ID, &Answer{}); err != nil {
			return a, err
		}
		<-pending.Done
		if a.Err == "" && pending.Error == nil {
			return a, nil
		}
		return a, ctx.Err()
	}
	switch {
	case pending.Error != nil:
		return a, pending.Error
	case a.Is > 0:
		return a, &socketError{a.Err, sentinels[a.Is-1]}
	case a.Err != "":
		return a, errors.New(a.Err)
	}
	return a, nil
}

// socketError is an error from the other side with the sentinel that it wraps.
type socketError struct {
	text string
	is   error
}

func (e *socketError) Error() string { return e.text }
func (e *socketError) Unwrap() error { return e.is }

func (s *storeClient) Append(ctx context.Context, d journal.Durability, entries []journal.Entry) ([]journal.Appended, error) {
	a, err := s.call(ctx, "Append", Call{Durability: d, Entries: entries})
	return a.Appended, err
}

func (s *storeClient) Claim(ctx context.Context, plugin string, most int) ([]journal.Delivery, error) {
	a, err := s.call(ctx, "Claim", Call{Plugin: plugin, Max: most})
	return a.Deliveries, err
}

func (s *storeClient) Settle(ctx context.Context, results []journal.Settlement) error {
	_, err := s.call(ctx, "Settle", Call{Results: results})
	return err
}

func (s *storeClient) Ready(ctx context.Context) error {
	_, err := s.call(ctx, "Ready", Call{})
	return err
}

func (s *storeClient) Close() error {
	_, err := s.call(context.Background(), "Close", Call{})
	return err
}

func (s *storeClient) Stats(ctx context.Context) (journal.Stats, error) {
	a, err := s.call(ctx, "Stats", Call{})
	return a.Stats, err
}

func (s *storeClient) Event(ctx context.Context, seq int64) (*journal.EventRecord, error) {
	a, err := s.call(ctx, "Event", Call{Seq: seq})
	return &a.Event, err
}

func (s *storeClient) FindEvent(ctx context.Context, source, id string) (*journal.EventRecord, error) {
	a, err := s.call(ctx, "FindEvent", Call{Source: source, Event: id})
	return &a.Event, err
}

func (s *storeClient) Delivery(ctx context.Context, seq int64) (*journal.DeliveryRecord, error) {
	a, err := s.call(ctx, "Delivery", Call{Seq: seq})
	return &a.Delivery, err
}

func (s *storeClient) Events(ctx context.Context, q journal.EventQuery) (journal.EventPage, error) {
	a, err := s.call(ctx, "Events", Call{EventQuery: q})
	return a.Events, err
}

func (s *storeClient) Deliveries(ctx context.Context, q journal.DeliveryQuery) (journal.DeliveryPage, error) {
	a, err := s.call(ctx, "Deliveries", Call{DeliveryQuery: q})
	return a.Records, err
}

func (s *storeClient) Redrive(ctx context.Context, seqs []int64) (int, error) {
	a, err := s.call(ctx, "Redrive", Call{Seqs: seqs})
	return a.N, err
}

func (s *storeClient) Drop(ctx context.Context, seqs []int64) (int, error) {
	a, err := s.call(ctx, "Drop", Call{Seqs: seqs})
	return a.N, err
}

func (s *storeClient) DeliverySeq(id string) (int64, error) {
	a, err := s.call(context.Background(), "DeliverySeq", Call{Event: id})
	return int64(a.N), err
}

func (s *storeClient) Sweep(ctx context.Context) (int, error) {
	a, err := s.call(ctx, "Sweep", Call{})
	return a.N, err
}
