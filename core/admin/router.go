package admin

import (
	"context"
	"errors"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// Router is what the API asks of the running router besides its journal. All methods may be called concurrently. Their errors wrap
// one of the Err values below, which decides the code of the answer; any other error is internal. The text of an error says what
// happened and what to do.
type Router interface {
	// Status describes the router at this moment.
	Status(ctx context.Context) (*adminv1.GetStatusResponse, error)
	// Reload loads the configuration again; by is who asked for it. The error is a *ReloadError when the configuration cannot be
	// put into force. ErrBusy: another reload is in progress. ErrStopping: the router is stopping.
	Reload(ctx context.Context, by string) (*adminv1.ReloadResponse, error)
	// Explain returns what the rules in force say about an event: all rules, those that do not see it included, or only the one called
	// rule.
	Explain(ctx context.Context, e *journal.EventRecord, rule string) (*Explanation, error)
	// Replay sends a stored event through the rules in force, only to those named if there are any, and stores it as a new event,
	// unless dryRun is set or no rule wants it.
	Replay(ctx context.Context, e *journal.EventRecord, rules []string, dryRun bool) (*Replayed, error)
	// Condition compiles an expression of the rule language about event.
	Condition(expression string) (Condition, error)
	// RestartPlugin ends the plugin's process, starts another one, and waits until that is ready.
	RestartPlugin(ctx context.Context, name string) error
	// PluginLogs returns the end of what the plugin's processes printed.
	PluginLogs(name string) (*adminv1.GetPluginLogsResponse, error)
	// Rooms lists the rooms of a source, or of all, sorted by source and name.
	Rooms(ctx context.Context, source string) ([]*adminv1.Room, error)
	// RoomMembers lists the connections in a room, oldest first.
	RoomMembers(ctx context.Context, source, room string) ([]*adminv1.RoomMember, error)
	// CloseConnections closes what the request names and returns how many connections that were.
	CloseConnections(ctx context.Context, req *adminv1.CloseConnectionsRequest) (int, error)
}

// Planner compares configurations by the deliveries that they make of stored events.
type Planner interface {
	// Plan loads the configurations of a request. There is no comparison if one of the diagnostics is an error.
	Plan(ctx context.Context, req *adminv1.StreamPlanRequest) (Comparison, []*adminv1.Diagnostic, error)
}

// Comparison collects what differs between two configurations.
type Comparison interface {
	// Recorded reports whether it compares with the recorded deliveries: the events that are added must have them.
	Recorded() bool
	// Add compares the deliveries of events. It may be called concurrently, with the events in any order.
	Add(events []journal.EventRecord) error
	// Result returns what differs. It calls event for the events, with their deliveries, that serve as examples.
	Result(event func(seq int64) (*journal.EventRecord, error)) (*adminv1.PlanResult, error)
}

// Condition reports whether an expression holds for an event of a source. An error means that it cannot be evaluated for it.
type Condition func(source string, envelope []byte) (bool, error)

// Explanation is what the rules of a generation say about an event.
type Explanation struct {
	Generation int64
	Rules      []*adminv1.RuleResult
}

// Replayed is the outcome of a replay.
type Replayed struct {
	// Seq is the number of the new event, 0 when none was stored.
	Seq int64
	// Deliveries is how many deliveries the rules made.
	Deliveries int
}

// Errors of a Router.
var (
	// ErrInvalid means that the request makes no sense.
	ErrInvalid = errors.New("invalid request")
	// ErrNotFound means that what the request names does not exist.
	ErrNotFound = errors.New("not found")
	// ErrPrecondition means that the request makes no sense now.
	ErrPrecondition = errors.New("not possible now")
	// ErrBusy means that another request of its kind is in progress.
	ErrBusy = errors.New("in progress already")
	// ErrStopping means that the router is stopping.
	ErrStopping = errors.New("the router is stopping")
)

// ReloadError says why a configuration was not put into force. Nothing has changed.
type ReloadError struct {
	Err     error
	Failure *adminv1.ReloadFailure
}

func (e *ReloadError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ReloadError) Unwrap() error { return e.Err }
