// Command e2e-rooms tries WebSocket rooms as a whole, with the router, the plugin and the page of examples/chat-room: people in
// pages of a real browser talk, clients of other makers join them, a finished measurement is told to the room, the router is
// started anew under their feet. It prints what each of them saw, and exits 1 unless every promise was kept.
package e2erooms

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// options of one run.
type options struct {
	bin, dir, example         string
	node, browser, screenshot string
	patience                  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "folder with pointsman and its plugins, built by make build")
	flag.StringVar(&o.dir, "dir", "", "folder for the run's files (default: a temporary one, removed when all is well)")
	flag.StringVar(&o.example, "example", "examples/chat-room", "folder with the configuration and the page")
	flag.StringVar(&o.node, "node", ".cache/node", "folder with Node.js 22, playwright-core and wscat, made by make servers")
	flag.StringVar(&o.browser, "browser", "", "program of the browser (default: Debian's chromium-headless-shell or chromium)")
	flag.StringVar(&o.screenshot, "screenshot", "out/e2e-rooms.png", "where to put a picture of a page")
	flag.DurationVar(&o.patience, "patience", 20*time.Second, "how long to wait for what must happen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "e2e-rooms:", err)
		os.Exit(1)
	}
}

// run is the whole story. The files stay when something is wrong.
func run(ctx context.Context, o options) error {
	if err := o.complete(); err != nil {
		return err
	}
	dir, remove, err := testbed.WorkDir(o.dir, "pointsman-e2e-rooms-")
	if err != nil {
		return err
	}
	s, err := newSite(ctx, o, dir)
	if err != nil {
		return fmt.Errorf("%w; the files are in %s", err, dir)
	}
	seen, err := s.watch(ctx)
	if err := errors.Join(err, s.router.Close()); err != nil {
		return fmt.Errorf("%w; the files are in %s", err, dir)
	}
	fmt.Println(seen)
	fmt.Println("a page:            ", o.screenshot)
	if err := seen.complaint(); err != nil {
		return fmt.Errorf("%w; the files are kept in %s", err, dir)
	}
	return remove()
}

// complete finds the browser and makes all paths absolute, for other programs work in other folders.
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
