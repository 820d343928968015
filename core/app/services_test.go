package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newServices(fail context.CancelCauseFunc) *services {
	return &services{log: slog.New(slog.DiscardHandler), fail: fail}
}

func TestServicesStopInReverseOrder(t *testing.T) {
	var mu sync.Mutex
	var stopped []string
	s := newServices(func(error) { t.Error("a part that was stopped counts as failed") })
	for _, name := range []string{"admin", "plugin", "server"} {
		s.start(t.Context(), name, func(ctx context.Context) error {
			<-ctx.Done()
			mu.Lock()
			defer mu.Unlock()
			stopped = append(stopped, name)
			return ctx.Err()
		})
	}
	if err := s.stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	if want := []string{"server", "plugin", "admin"}; !slices.Equal(stopped, want) {
		t.Errorf("stopped %v, want %v", stopped, want)
	}
}

// Parts of a group may wait for one another to end.
func TestServicesStopAGroupTogether(t *testing.T) {
	s := newServices(func(error) { t.Error("a part that was stopped counts as failed") })
	pluginStops, dispatchStopped := make(chan struct{}), make(chan struct{})
	s.startIn(t.Context(), "deliveries", "plugin", func(ctx context.Context) error {
		<-ctx.Done()
		close(pluginStops)
		<-dispatchStopped
		return nil
	})
	s.startIn(t.Context(), "deliveries", "dispatch", func(ctx context.Context) error {
		<-ctx.Done()
		<-pluginStops
		close(dispatchStopped)
		return nil
	})
	if err := s.stop(time.Minute); err != nil {
		t.Fatal(err)
	}
}

func TestServicesTellWhichPartFailed(t *testing.T) {
	broken := errors.New("plugin \"mail\": no such program")
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"with an error", broken, `plugin "mail": no such program`},
		{"without one", nil, `plugin "mail" ended by itself`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, fail := context.WithCancelCause(t.Context())
			s := newServices(fail)
			s.start(ctx, `plugin "mail"`, func(context.Context) error { return tt.err })
			<-ctx.Done()
			if got := context.Cause(ctx); got.Error() != tt.want {
				t.Errorf("cause %q, want %q", got, tt.want)
			}
			if err := s.stop(time.Minute); err != nil {
				t.Errorf("the failure is told twice: %v", err)
			}
		})
	}
}

// A part that does not end is left behind after the limit: the journal is sound at any instant.
func TestServicesStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newServices(func(error) {})
		s.start(t.Context(), "admin", func(ctx context.Context) error { <-ctx.Done(); return nil })
		s.start(t.Context(), "stuck", func(context.Context) error { <-release; return nil })
		start := time.Now()
		err := s.stop(30 * time.Second)
		if err == nil || !strings.Contains(err.Error(), "stop stuck: not done after 30s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("took %s of fake time, want 30s", took)
		}
		close(release)
		s.running[0].cancel()
	})
}
