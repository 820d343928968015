// Package e2erooms tests WebSocket rooms end to end with the router, the plugin and the page of examples/chat-room. Users in a real
// browser exchange messages, third-party clients join them, a completed measurement is announced in the room, and the router
// restarts while they are connected. It prints what each client received, and fails unless all checks pass.
package e2erooms

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// options of one run.
type options struct {
	bin, example              string
	node, browser, screenshot string
	timeout                   time.Duration
}

// Command returns the subcommand.
func Command() *cobra.Command {
	var o options
	cmd := testbed.Command("e2e-rooms", "test WebSocket rooms with a browser and other clients", &o.bin, func(ctx context.Context, dir string) error { return run(ctx, o, dir) })
	flags := cmd.Flags()
	flags.StringVar(&o.example, "example", "examples/chat-room", "folder with the configuration and the page")
	flags.StringVar(&o.node, "node", ".cache/node", "folder with Node.js 22, playwright-core and wscat, made by make servers")
	flags.StringVar(&o.browser, "browser", "", "path of the browser (default: Debian's chromium-headless-shell or chromium)")
	flags.StringVar(&o.screenshot, "screenshot", "out/e2e-rooms.png", "path of a screenshot of the page")
	flags.DurationVar(&o.timeout, "timeout", 20*time.Second, "timeout of each expected event")
	return cmd
}

// run plays the scenario and prints what each client received.
func run(ctx context.Context, o options, dir string) error {
	if err := o.complete(); err != nil {
		return err
	}
	s, err := newSite(ctx, o, dir)
	if err != nil {
		return err
	}
	seen, err := s.watch(ctx)
	if err := errors.Join(err, s.router.Close()); err != nil {
		return err
	}
	fmt.Println(seen)
	fmt.Println("screenshot:        ", o.screenshot)
	return seen.complaint()
}

// complete finds the browser and makes all paths absolute, because the scripts run in other folders.
func (o *options) complete() error {
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if found, err := exec.LookPath(name); err == nil && o.browser == "" {
			o.browser = found
		}
	}
	if o.browser == "" {
		return errors.New("no browser is installed: apt-get install chromium-headless-shell")
	}
	for _, path := range []*string{&o.bin, &o.example, &o.node, &o.screenshot} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = abs
	}
	return os.MkdirAll(filepath.Dir(o.screenshot), 0o755)
}
