package e2erooms

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source/intdash/intdashsend"
	"github.com/pointsman/pointsman/core/trial/testbed"
)

const (
	secret = "only-for-the-trial-of-rooms-0001"
	token  = "only-for-the-trial-of-rooms-0002"
)

//go:embed pages.cjs client.mjs client.py
var scripts embed.FS

// site is the router, which the script restarts and sends events to.
type site struct {
	options  options
	dir      string
	router   *testbed.Router
	finished *intdashsend.Message // the measurement that is announced in the room
}

func newSite(ctx context.Context, o options, dir string) (*site, error) {
	config, err := os.ReadFile(filepath.Join(o.example, "config.hcl"))
	if err != nil {
		return nil, err
	}
	s := &site{options: o, dir: dir, finished: intdashsend.NewMessage(time.Now())}
	if err := os.CopyFS(filepath.Join(dir, "scripts"), scripts); err != nil {
		return nil, err
	}
	s.router, err = testbed.NewRouter(o.bin, dir, string(config),
		"INTDASH_SECRET="+secret, "POINTSMAN_VAR_page="+filepath.Join(o.example, "index.html"))
	if err != nil {
		return nil, err
	}
	return s, s.router.Start(ctx)
}

// watch runs the browser and the other clients, executes their commands, and returns what they received.
func (s *site) watch(ctx context.Context) (*seen, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd, err := s.pages(ctx)
	if err != nil {
		return nil, err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: run `make servers`", err)
	}
	seen, err := s.answer(ctx, stdout, stdin)
	if err != nil {
		cancel()
	}
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, err
	}
	return seen, s.dead(ctx, seen)
}

// pages returns the command that drives the browser. It also acts as the Node.js client.
func (s *site) pages(ctx context.Context) (*exec.Cmd, error) {
	o := s.options
	modules := filepath.Join(o.node, "node_modules")
	task, err := json.Marshal(map[string]any{
		"at": s.router.Server + "/", "browser": o.browser, "wscat": filepath.Join(modules, "wscat/bin/wscat"), "python": "/usr/bin/python3",
		"screenshot": o.screenshot, "timeout": o.timeout.Milliseconds(), "measured": s.finished.ResourceUUID, "token": token,
	})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(modules, ".bin/node"), filepath.Join(s.dir, "scripts/pages.cjs"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "E2E="+string(task))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// answer executes the command in each line, until a line holds the result.
func (s *site) answer(ctx context.Context, questions io.Reader, answers io.Writer) (*seen, error) {
	lines := bufio.NewScanner(questions)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var err error
		switch line := lines.Text(); line {
		case "post":
			err = s.post(ctx)
		case "restart":
			err = s.restart(ctx)
		case "guard":
			s.router.Env = append(s.router.Env, "POINTSMAN_VAR_token="+token)
			err = s.restart(ctx)
		default:
			v := &seen{measurement: s.finished.ResourceUUID}
			if err := json.NewDecoder(strings.NewReader(line)).Decode(v); err != nil {
				return nil, fmt.Errorf("invalid result of the pages: %q: %w", line, err)
			}
			return v, nil
		}
		if err == nil {
			_, err = fmt.Fprintln(answers, "done")
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.Join(lines.Err(), errors.New("the pages ended without a result"))
}

// post sends the router the webhook of a completed measurement, as an intdash server does.
func (s *site) post(ctx context.Context) error {
	req, err := intdashsend.NewRequest(ctx, s.router.Server+"/hooks/intdash", []byte(secret), s.finished.Body())
	if err != nil {
		return err
	}
	status, err := testbed.Send(http.DefaultClient, req)
	if err == nil && status != http.StatusNoContent {
		err = fmt.Errorf("the router responded %d to a valid event", status)
	}
	return err
}

func (s *site) restart(ctx context.Context) error {
	if err := s.router.Stop(); err != nil {
		return err
	}
	return s.router.Start(ctx)
}

// dead counts the dead letters; none is expected.
func (s *site) dead(ctx context.Context, v *seen) error {
	m, err := s.router.Metrics(ctx)
	v.dead = int(m.Sum("pointsman_dlq_events"))
	return err
}
