package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var discard = slog.New(slog.DiscardHandler)

// Parts that are stopped together may wait for one another to end.
func TestServicesStopTogether(t *testing.T) {
	pluginStops, dispatchStopped := make(chan struct{}), make(chan struct{})
	plugin := startService(t.Context(), "plugin", func(ctx context.Context) error {
		<-ctx.Done()
		close(pluginStops)
		<-dispatchStopped
		return nil
	})
	dispatch := startService(t.Context(), "dispatch", func(ctx context.Context) error {
		<-ctx.Done()
		<-pluginStops
		close(dispatchStopped)
		return ctx.Err()
	})
	if err := stopServices(t.Context(), discard, plugin, nil, dispatch); err != nil {
		t.Error(err)
	}
}

func TestServiceThatEndsEarly(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"with an error": {errors.New("disk is gone"), "disk is gone"},
		"without one":   {nil, "journal ended by itself"},
	} {
		t.Run(name, func(t *testing.T) {
			failed := make(chan error, 1)
			s := startService(t.Context(), "journal", func(context.Context) error { return tt.err })
			s.watch(func(err error) { failed <- err })
			if err := <-failed; err == nil || err.Error() != tt.want {
				t.Errorf("failed with %v, want %q", err, tt.want)
			}
			if err := stopServices(t.Context(), discard, s); err != nil {
				t.Errorf("a failure that was reported is reported again: %v", err)
			}
		})
	}
}

// The end of the context of the start does not stop a part: parts stop in order.
func TestServiceOutlivesTheContextOfItsStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := startService(ctx, "server", func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("cut off")
	})
	s.watch(func(err error) { t.Errorf("a part that was stopped failed the router: %v", err) })
	cancel()
	if err := stopServices(t.Context(), discard, s); err == nil || err.Error() != "stop server: cut off" {
		t.Errorf("stop: %v", err)
	}
}

func TestServiceThatDoesNotStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := startService(t.Context(), "plugin", func(context.Context) error { <-release; return nil })
		other := startService(t.Context(), "admin", func(ctx context.Context) error { <-ctx.Done(); return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := stopServices(ctx, discard, stuck, other)
		if err == nil || !strings.Contains(err.Error(), "stop plugin: not finished in time") || strings.Contains(err.Error(), "admin") {
			t.Errorf("stop: %v", err)
		}
		close(release)
	})
}
