package app

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/journal/sqlite"
)

// OpenStopped serves the reading part of the admin API from the journal of a router that does not run, and plans over it. Methods that
// need a router answer failed_precondition. The caller calls closeJournal when no request is in progress any more.
func OpenStopped(ctx context.Context, path string, log *slog.Logger) (api http.Handler, closeJournal func() error, err error) {
	j, err := sqlite.OpenReader(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	return admin.NewService(admin.ServiceOptions{Journal: j, Planner: stoppedPlanner{Options{Log: log}}, Log: log}).Handler(), j.Close, nil
}
