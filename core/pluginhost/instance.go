package pluginhost

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Reasons of a LostError, which are also the label `reason` of pointsman_plugin_restarts_total.
const (
	reasonExit      = "exit"
	reasonStream    = "stream"
	reasonHealth    = "health"
	reasonRequested = "requested"
	reasonOperator  = "operator" // not counted: nothing is wrong with the plugin
	reasonContract  = "contract" // the plugin does what the protocol does not allow
	reasonStart     = "start"    // a restart that failed; never in a LostError
	reasonStop      = "stop"
)

// killWait is how long a process may take to disappear after SIGKILL. Only one stuck in the kernel takes longer.
const killWait = 5 * time.Second

// instance is one process of a plugin from start to end. A go-plugin client can start only once (hash, command and lock
// cannot be reused), so each instance has its own.
type instance struct {
	spec    Spec
	timing  timing
	log     *slog.Logger
	bin     binary
	run     *processRunner
	sockets *socketDir
	out     *outputLog
	conn    *grpc.ClientConn
	client  pluginv1.PluginServiceClient
	desc    *pluginv1.DescribeResponse

	// ctx ends when the instance ends; tasks are the goroutines that end with it.
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	failOnce sync.Once
	failed   chan struct{} // closed by fail, after cause is set
	cause    LostError

	endOnce sync.Once
	ended   chan struct{} // closed by end, after err is set: no process is left
	err     *LostError

	sessionMu sync.Mutex
	session   *Session
}

// fail records why the process must end; the first reason stays, and fail reports whether it is this one. It never blocks. The
// supervisor waits for it and calls end.
func (i *instance) fail(reason, detail string) (first bool) {
	i.failOnce.Do(func() {
		first = true
		i.cause = LostError{Plugin: i.spec.Name, Reason: reason, Detail: detail}
		close(i.failed)
	})
	return first
}

func (i *instance) watchExit() {
	select {
	case <-i.run.proc.exited:
		i.fail(reasonExit, i.run.proc.status())
	case <-i.ctx.Done():
	}
}

// watchHealth fails the process when it has missed timing.misses checks in a row. gRPC's keepalive cannot replace this:
// servers accept only one ping in five minutes.
func (i *instance) watchHealth() {
	client := grpc_health_v1.NewHealthClient(i.conn)
	ticker := time.NewTicker(i.timing.health)
	defer ticker.Stop()
	for misses := 0; misses < i.timing.misses; {
		select {
		case <-ticker.C:
		case <-i.ctx.Done():
			return
		}
		ctx, cancel := context.WithTimeout(i.ctx, i.timing.health)
		resp, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: handshake.HealthService})
		cancel()
		if healthy(resp, err) {
			misses = 0
		} else {
			misses++
		}
	}
	i.fail(reasonHealth, fmt.Sprintf("did not answer %d health checks in a row", i.timing.misses))
}

// healthy accepts a plugin that answers but does not implement the health service: only silence counts as a failure.
func healthy(resp *grpc_health_v1.HealthCheckResponse, err error) bool {
	switch status.Code(err) {
	case codes.OK:
		return resp.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING
	case codes.Unimplemented, codes.NotFound:
		return true
	}
	return false
}

// drain asks the plugin to finish its deliveries, waits for the results, then ends the process.
func (i *instance) drain() {
	i.fail(reasonStop, "was stopped")
	ctx, cancel := context.WithTimeout(i.ctx, i.timing.drain)
	defer cancel()
	i.sessionMu.Lock()
	session := i.session
	i.sessionMu.Unlock()
	session.refuse()
	_, err := i.client.Drain(ctx, &pluginv1.DrainRequest{Timeout: durationpb.New(i.timing.drain)})
	if err != nil && status.Code(err) != codes.Unimplemented {
		i.log.Warn("plugin did not drain", "err", err)
	}
	session.awaitResults(ctx)
	i.leave()
}

// leave ends the process in three steps, each with its share of timing.leave: go-plugin's Shutdown, which cancels calls under
// way, closing its standard input, SIGKILL.
func (i *instance) leave() {
	exited := i.run.proc.exited
	ctx, cancel := context.WithTimeout(i.ctx, i.timing.leave)
	defer cancel()
	half, cancelHalf := context.WithTimeout(ctx, i.timing.leave/2)
	defer cancelHalf()
	// An error is no reason not to wait, since the server may exit before its answer arrives. Unimplemented is one.
	if err := shutdown(half, i.conn); status.Code(err) != codes.Unimplemented {
		select {
		case <-exited:
		case <-half.Done():
		}
	}
	i.run.proc.closeStdin()
	select {
	case <-exited:
	case <-ctx.Done():
		i.log.Warn("plugin did not exit in time: killed", "waited", i.timing.leave)
	}
	i.end()
}

// end kills what is left of the process, waits until it is gone, and then sets err and closes ended.
func (i *instance) end() {
	i.endOnce.Do(func() {
		i.settleCause()
		i.cancel()
		_ = i.run.Kill(context.Background())
		if i.conn != nil {
			_ = i.conn.Close()
		}
		i.awaitGone()
		i.out.close()
		i.sockets.remove()
		i.err = &i.cause
		if i.cause.Reason != reasonStop {
			i.err.Output = i.out.tail.excerpt()
		}
		if i.cause.Crashed() {
			i.out.crashed()
		}
		close(i.ended)
	})
	<-i.ended
}

// settleCause gives a process whose connection broke a moment to exit, because its exit status explains more than the broken
// connection.
func (i *instance) settleCause() {
	i.fail(reasonStop, "was stopped")
	if i.cause.Reason != reasonStream {
		return
	}
	select {
	case <-i.run.proc.exited:
		i.cause.Reason, i.cause.Detail = reasonExit, i.run.proc.status()
	case <-time.After(i.timing.exit):
	}
}

// awaitGone waits until the process, the readers of its output and the instance's goroutines have ended, but not for ever.
func (i *instance) awaitGone() {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if proc := i.run.process(); proc != nil {
			<-proc.exited
		}
		i.run.readers.Wait()
		i.tasks.Wait()
	}()
	select {
	case <-gone:
	case <-time.After(killWait):
		i.log.Error("plugin process does not die", "waited", killWait)
	}
}

// lost returns why the process is gone, and waits until it is.
func (i *instance) lost() error {
	<-i.ended
	return i.err
}

func (i *instance) gone() <-chan struct{} { return i.failed }
func (i *instance) reason() string        { return i.cause.Reason }

func (i *instance) about() (pid int, version, sha256 string) {
	return i.run.proc.pid, i.desc.GetVersion(), i.bin.sha256
}
