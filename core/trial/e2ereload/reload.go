package e2ereload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"time"

	"connectrpc.com/connect"

	"github.com/pointsman/pointsman/core/trial/testbed"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// result is the result of one reload.
type result struct {
	change
	hangup  bool // by SIGHUP
	process bool // a plugin process was started
	took    time.Duration
	err     error // nil if it went as it must
}

// answer is what the router says about a reload: the generation that is in force now, and the error, "" if there is none.
type answer struct {
	generation int64
	failure    string
}

// hangups is how many of a hundred reloads are asked for by SIGHUP.
const hangups = 10

// reloads carries out n reloads that it draws.
func (s *site) reloads(ctx context.Context, random *rand.Rand, n int) error {
	for range n {
		if err := s.reload(ctx, draw(random), random.IntN(100) < hangups); err != nil {
			return err
		}
		if n := len(s.results); n%100 == 0 {
			fmt.Printf("%5d reloads, %7d events acknowledged\n", n, s.load.acked())
		}
	}
	return nil
}

// reload changes the files, reloads and checks the answer. It returns an error only if the trial cannot go on.
func (s *site) reload(ctx context.Context, c change, hangup bool) error {
	next := c.next(s.state)
	if err := s.write(next, c.damage); err != nil {
		return err
	}
	ask := s.askAPI
	if hangup {
		ask = s.hangUp
	}
	began := time.Now()
	got, err := ask(ctx)
	if err != nil {
		return fmt.Errorf("reload %d (%s): %w", len(s.results)+1, c.name, err)
	}
	r := result{change: c, hangup: hangup, took: time.Since(began), process: next.program != s.state.program || next.block != s.state.block}
	r.err = s.judge(c, next, got)
	if got.failure == "" && !c.invalid() {
		s.state = next
		s.generations[got.generation] = next
	}
	s.generation = got.generation
	r.err = errors.Join(r.err, s.probe())
	s.results = append(s.results, r)
	return nil
}

// judge compares an answer with what the change must lead to.
func (s *site) judge(c change, next state, got answer) error {
	want := s.generation
	if next != s.state {
		want++
	}
	switch {
	case c.invalid() && got.failure == "":
		return errors.New("the router accepted it")
	case c.invalid() && !strings.Contains(got.failure, c.want):
		return fmt.Errorf("the error does not say %q: %s", c.want, got.failure)
	case !c.invalid() && got.failure != "":
		return errors.New(got.failure)
	case got.generation != want:
		return fmt.Errorf("generation %d after %d, want %d", got.generation, s.generation, want)
	}
	return nil
}

// askAPI reloads with the admin API.
func (s *site) askAPI(ctx context.Context) (answer, error) {
	resp, err := s.api.Reload(ctx, connect.NewRequest(&adminv1.ReloadRequest{}))
	if err == nil {
		return answer{generation: resp.Msg.GetGeneration().GetNumber()}, nil
	}
	refused, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return answer{}, err
	}
	for _, d := range refused.Details() {
		value, err := d.Value()
		if err != nil {
			return answer{}, err
		}
		if f, ok := value.(*adminv1.ReloadFailure); ok {
			text := []string{refused.Message()}
			for _, d := range f.GetDiagnostics() {
				text = append(text, d.GetSummary(), d.GetDetail())
			}
			return answer{f.GetGeneration().GetNumber(), strings.Join(text, "\n")}, nil
		}
	}
	return answer{}, fmt.Errorf("the error of the reload has no detail: %w", err)
}

// hangUp reloads with SIGHUP and waits until the router's status tells of it.
func (s *site) hangUp(ctx context.Context) (answer, error) {
	before, err := s.status(ctx)
	if err != nil {
		return answer{}, err
	}
	if err := syscall.Kill(s.router.PID(), syscall.SIGHUP); err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var now *adminv1.GetStatusResponse
	err = testbed.Poll(ctx, 5*time.Millisecond, func() (bool, error) {
		now, err = s.status(ctx)
		last := now.GetLastReload()
		return last.GetRequestedBy() == "SIGHUP" && !last.GetTime().AsTime().Equal(before.GetLastReload().GetTime().AsTime()), err
	})
	return answer{now.GetGeneration().GetNumber(), now.GetLastReload().GetError()}, err
}

func (s *site) status(ctx context.Context) (*adminv1.GetStatusResponse, error) {
	resp, err := s.api.GetStatus(ctx, connect.NewRequest(&adminv1.GetStatusRequest{}))
	if err != nil {
		return nil, err
	}
	return resp.Msg, nil
}

// probe posts an event to the source that comes and goes: it must be there exactly when the configuration has it.
func (s *site) probe() error {
	want := http.StatusNotFound
	if s.state.extra {
		want = http.StatusNoContent
	}
	status, err := s.load.post(extraSource)
	if err == nil && status != want {
		err = fmt.Errorf("the source %s answers %d, want %d", extraSource, status, want)
	}
	return err
}
