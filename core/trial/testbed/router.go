package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/pointsman/pointsman/plugins/sdk/testenv/server"
)

// Router is a router process that can be started, killed and started again.
type Router struct {
	Server, Admin string // base URLs of its two listeners
	Dir           string // holds config.hcl, journal.db and router.log
	Env           []string
	Args          []string // after `run config.hcl`

	program string
	head    string // of the configuration
	log     *os.File
	process *server.Process
}

const head = `server { listen = %q }
admin { listen = %q }
journal { path = %q }
plugins { dir = %q }
`

// NewRouter writes the configuration, after blocks for addresses, journal and plugins (from bin). It does not start the router.
func NewRouter(bin, dir, config string, env ...string) (*Router, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	address, err := server.FreeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := server.FreeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "router.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	r := &Router{
		Server: "http://" + address, Admin: "http://" + admin, Dir: dir, Env: env, Args: []string{"--log-format", "json"},
		program: filepath.Join(bin, "pointsman"), log: log,
	}
	r.head = fmt.Sprintf(head, address, admin, r.Journal(), bin)
	return r, r.Configure(config)
}

func (r *Router) config() string { return filepath.Join(r.Dir, "config.hcl") }

// Configure writes the configuration after the blocks that NewRouter made. A running router takes it with the next reload.
func (r *Router) Configure(config string) error {
	next := r.config() + ".new"
	if err := os.WriteFile(next, []byte(r.head+config), 0o600); err != nil {
		return err
	}
	return os.Rename(next, r.config())
}

// Journal is the path of the journal's file.
func (r *Router) Journal() string { return filepath.Join(r.Dir, "journal.db") }

// Start runs the router and waits until it is ready.
func (r *Router) Start(ctx context.Context) error {
	cmd := exec.Command(r.program, append([]string{"run", r.config()}, r.Args...)...)
	cmd.Env = append(os.Environ(), r.Env...)
	cmd.Stdout, cmd.Stderr = r.log, r.log
	process, err := server.Start(ctx, cmd, r.Admin+"/readyz")
	if err != nil {
		return r.see(err)
	}
	r.process = process
	return nil
}

// PID of the running router.
func (r *Router) PID() int { return r.process.PID() }

// Kill ends the router with SIGKILL.
func (r *Router) Kill() error { return r.end((*server.Process).Kill) }

// Stop ends the router with SIGTERM.
func (r *Router) Stop() error { return r.end((*server.Process).Stop) }

// Close kills the router if it is still running, as it is after an error. It accepts a nil router.
func (r *Router) Close() error {
	if r == nil || r.process == nil {
		return nil
	}
	return r.Kill()
}

func (r *Router) end(how func(*server.Process) error) error {
	err := how(r.process)
	r.process = nil
	return r.see(err)
}

// see adds the path of the log to an error.
func (r *Router) see(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, fmt.Errorf("see %s", r.log.Name()))
}

// Metrics reads the router's metrics.
func (r *Router) Metrics(ctx context.Context) (Metrics, error) { return ReadMetrics(ctx, r.Admin) }

// Pending is the number of deliveries that are neither done nor dead.
func (r *Router) Pending(ctx context.Context) (float64, error) {
	m, err := r.Metrics(ctx)
	return m.Sum("pointsman_queue_pending"), err
}
