package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/pluginhost"
)

// checks are the conditions of readiness. A plugin that is down is shown and does not make the router unready, because its
// deliveries wait.
func (r *router) checks() []admin.Check {
	checks := []admin.Check{{Name: "journal", Probe: r.journalTakes}}
	for _, p := range r.current.Load().plugins {
		checks = append(checks, admin.Check{Name: "plugin " + p.block.Name, Probe: up(p.Plugin), Informative: true})
	}
	return checks
}

// journalTakes returns nil while the journal takes events.
func (r *router) journalTakes() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return r.journal.Ready(ctx)
}

// up returns nil while a plugin takes deliveries.
func up(p *pluginhost.Plugin) func() error {
	return func() error {
		switch s := p.Status(); {
		case s.State == pluginhost.Ready:
			return nil
		case s.LastError != nil:
			return fmt.Errorf("%s: %w", s.State, s.LastError)
		default:
			return errors.New(string(s.State))
		}
	}
}
