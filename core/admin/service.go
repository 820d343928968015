package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/time/rate"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

const (
	// maxRequestBytes limits the message of a request, and maxPlanBytes that of StreamPlan, which has whole configurations.
	maxRequestBytes = 1 << 20
	maxPlanBytes    = 16 << 20
	// maxCalls is how many requests may be read or answered at the same time, tails apart. Tails have a limit of their own that is as
	// large, and a lower one for those that listen.
	maxCalls = 64
)

var errTooManyCalls = errors.New("too many requests at the same time: try again")

// ServiceOptions are what a Service answers from. Operator, Router and Feed are nil for the journal of a router that is not running.
type ServiceOptions struct {
	Journal  journal.Reader
	Operator journal.Operator
	Router   Router
	// Planner is nil where nothing can be planned.
	Planner Planner
	Feed    *Feed
	Log     *slog.Logger
}

// Service is the admin API. Make it with NewService.
type Service struct {
	ServiceOptions

	calls, tails atomic.Int32
	// planning is set while a plan is made: it uses many processors.
	planning atomic.Bool
	// reads is how often all tails together may ask the journal.
	reads    *rate.Limiter
	stopping chan struct{}
	stopOnce sync.Once
}

var _ adminv1connect.AdminServiceHandler = (*Service)(nil)

// NewService makes the API of one router or journal.
func NewService(o ServiceOptions) *Service {
	return &Service{ServiceOptions: o, reads: rate.NewLimiter(tailReads, tailReads/10), stopping: make(chan struct{})}
}

// Handler serves the API below /pointsman.admin.v1.AdminService/ in the protocols of Connect, gRPC and gRPC-Web. It admits everybody.
func (s *Service) Handler() http.Handler {
	_, h := adminv1connect.NewAdminServiceHandler(s, connect.WithConditionalHandlerOptions(maxBytes), connect.WithInterceptors((*answering)(s)),
		connect.WithCodec(strictJSON("json")), connect.WithCodec(strictJSON("json; charset=utf-8")))
	refusals := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running := &s.calls
		if r.URL.Path == adminv1connect.AdminServiceTailEventsProcedure {
			running = &s.tails
		}
		defer running.Add(-1)
		if running.Add(1) > maxCalls { // before anything of the body is kept
			_ = refusals.Write(w, r, connect.NewError(connect.CodeResourceExhausted, errTooManyCalls)) // The peer is gone when this fails.
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), connectionKey{}, http.NewResponseController(w))))
	})
}

// maxBytes limits the message of a request to a method.
func maxBytes(method connect.Spec) []connect.HandlerOption {
	if method.Procedure == adminv1connect.AdminServiceStreamPlanProcedure {
		return []connect.HandlerOption{connect.WithReadMaxBytes(maxPlanBytes)}
	}
	return []connect.HandlerOption{connect.WithReadMaxBytes(maxRequestBytes)}
}

// endTails ends the streams, which would last as long as their clients.
func (s *Service) endTails() { s.stopOnce.Do(func() { close(s.stopping) }) }

// answering surrounds every method: the time limits of the server are for reading a request and for writing its answer, not for the
// work in between, and errors get the codes of the API.
type answering Service

type connectionKey struct{}

// readBy and writeBy limit how long the client may take from now on to send its request, and to receive the answer. The zero time is
// no limit.
func readBy(ctx context.Context, t time.Time) error {
	return limit(ctx, t, (*http.ResponseController).SetReadDeadline)
}

func writeBy(ctx context.Context, t time.Time) error {
	return limit(ctx, t, (*http.ResponseController).SetWriteDeadline)
}

func limit(ctx context.Context, t time.Time, set func(*http.ResponseController, time.Time) error) error {
	c, ok := ctx.Value(connectionKey{}).(*http.ResponseController)
	if !ok {
		return nil
	}
	if err := set(c, t); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil // it is no connection
}

// writeLimit is how long a client may take to receive an answer, or a message of a stream.
const writeLimit = 30 * time.Second

// WrapUnary implements connect.Interceptor.
func (a *answering) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if err := errors.Join(readBy(ctx, time.Time{}), writeBy(ctx, time.Time{})); err != nil {
			return nil, err
		}
		resp, err := next(ctx, req)
		if err := writeBy(ctx, time.Now().Add(writeLimit)); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, a.coded(req.Spec().Procedure, err)
		}
		return resp, nil
	}
}

// WrapStreamingHandler implements connect.Interceptor.
func (a *answering) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := next(ctx, conn); err != nil {
			return a.coded(conn.Spec().Procedure, err)
		}
		return nil
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (a *answering) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// changed logs what an operator changed, or failed to change.
func (s *Service) changed(ctx context.Context, err error, change string, attrs ...slog.Attr) {
	level := slog.LevelInfo
	attrs = append([]slog.Attr{slog.String("by", caller(ctx)), slog.String("change", change)}, attrs...)
	if err != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Any("err", err))
	}
	s.Log.LogAttrs(ctx, level, "change by an operator", attrs...)
}

// notRunning is the error of what only a running router can do.
func notRunning() error {
	return connect.NewError(connect.CodeFailedPrecondition, errors.New("the router is not running: start it with pointsman run"))
}

func invalid(format string, args ...any) error {
	return connect.NewError(connect.CodeInvalidArgument, fmt.Errorf(format, args...))
}

// codes are the codes of errors of a Router and of the journal.
var codes = []struct {
	err  error
	code connect.Code
}{
	{ErrInvalid, connect.CodeInvalidArgument},
	{ErrNotFound, connect.CodeNotFound},
	{journal.ErrNotFound, connect.CodeNotFound},
	{ErrPrecondition, connect.CodeFailedPrecondition},
	{ErrBusy, connect.CodeAborted},
	{ErrStopping, connect.CodeUnavailable},
	{journal.ErrClosed, connect.CodeUnavailable},
	{journal.ErrFull, connect.CodeResourceExhausted},
	{errTooManyTails, connect.CodeResourceExhausted},
	{context.Canceled, connect.CodeCanceled},
	{context.DeadlineExceeded, connect.CodeDeadlineExceeded},
}

// coded gives an error the code of the API. What nobody expects is logged.
func (a *answering) coded(procedure string, err error) error {
	if done, ok := errors.AsType[*connect.Error](err); ok {
		return done
	}
	if failed, ok := errors.AsType[*ReloadError](err); ok {
		return reloadFailure(failed)
	}
	if errors.Is(err, journal.ErrAmbiguous) {
		return connect.NewError(connect.CodeInvalidArgument, errors.New(err.Error()+": name the source"))
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			// The code says it already.
			return connect.NewError(c.code, errors.New(strings.TrimPrefix(err.Error(), c.err.Error()+": ")))
		}
	}
	a.Log.Error("request to the admin API failed", "method", procedure, "err", err)
	return connect.NewError(connect.CodeInternal, err)
}

// reloadFailure is the error of a reload with its mistakes as detail.
func reloadFailure(e *ReloadError) error {
	answer := connect.NewError(connect.CodeFailedPrecondition, e)
	if detail, err := connect.NewErrorDetail(e.Failure); e.Failure != nil && err == nil {
		answer.AddDetail(detail)
	}
	return answer
}
