package e2ereload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// site is the router with the load on it.
type site struct {
	options
	dir    string
	router *testbed.Router
	api    adminv1connect.AdminServiceClient
	load   *load
	binary []byte // of the noop plugin

	// installed is the version of the binary of ops on disk.
	installed int
	// state is the configuration in force, generation its number. generations has all that ever were.
	state       state
	generation  int64
	generations map[int64]state
	results     []result
	// steady is the process of the plugin that does not change.
	steady int
}

const secret = "only-for-the-trial-of-reloads-0123"

// newSite starts the router and the load.
func newSite(ctx context.Context, o options, dir string) (*site, error) {
	binary, err := os.ReadFile(filepath.Join(o.bin, "pointsman-plugin-noop"))
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	router, err := testbed.NewRouter(o.bin, dir, "", "TRIAL_SECRET="+secret)
	if err != nil {
		return nil, err
	}
	s := &site{options: o, dir: dir, router: router, api: router.API(), binary: binary, state: first, load: newLoad(router.Server)}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// start starts the router with the first configuration, and then the load.
func (s *site) start(ctx context.Context) error {
	if err := os.WriteFile(filepath.Join(s.dir, "pointsman-plugin-steady"), s.binary, 0o700); err != nil {
		return err
	}
	if err := s.write(first, ""); err != nil {
		return err
	}
	if err := s.router.Start(ctx); err != nil {
		return err
	}
	status, err := s.status(ctx)
	if err != nil {
		return err
	}
	s.generation = status.GetGeneration().GetNumber()
	s.generations = map[int64]state{s.generation: first}
	if s.steady, err = s.router.Plugin("steady"); err != nil {
		return fmt.Errorf("plugin steady: %w", err)
	}
	if err := s.load.connect(ctx, s.clients); err != nil {
		return err
	}
	s.load.start(s.rate, s.clients)
	return nil
}

// write writes the files of a state, the configuration with something appended to it.
func (s *site) write(next state, damage string) error {
	if s.installed != next.program {
		program := filepath.Join(s.dir, "pointsman-plugin-ops")
		content := append(slices.Clip(s.binary), byte('0'+next.program)) // the loader ignores what follows the program
		if err := errors.Join(os.WriteFile(program+".new", content, 0o700), os.Rename(program+".new", program)); err != nil {
			return err
		}
		s.installed = next.program
	}
	return s.router.Configure(next.text(s.dir) + expand(damage, s.dir))
}

// settle waits until no delivery is pending, and stops the router.
func (s *site) settle(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	nothingPending := func() (bool, error) {
		n, err := s.router.Pending(waiting)
		return n == 0, err
	}
	if err := testbed.Poll(waiting, 50*time.Millisecond, nothingPending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("wait for deliveries: %w", err) // after a timeout the ledger counts them as pending
	}
	return s.router.Stop()
}

// close ends what still runs.
func (s *site) close() error {
	return errors.Join(s.load.stop(), s.router.Close())
}
