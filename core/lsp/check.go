package lsp

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/config"
)

// quiet is how long nothing must change before a folder is checked: people type faster than that.
const quiet = 100 * time.Millisecond

// checks are the folders to check, and what is known of them.
type checks struct {
	mu    sync.Mutex
	dirty map[string]bool
	wake  chan struct{}
	// data is the kind of event.data of each source, by folder and name.
	data map[string]map[string]string
	// shown are the files that have diagnostics in the editor, by folder.
	shown map[string][]string
}

func newChecks() *checks {
	return &checks{dirty: map[string]bool{}, wake: make(chan struct{}, 1), data: map[string]map[string]string{}, shown: map[string][]string{}}
}

// want asks for a check of a folder.
func (c *checks) want(folder string) {
	c.mu.Lock()
	c.dirty[folder] = true
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default: // it is awake
	}
}

func (c *checks) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	folders := slices.Sorted(maps.Keys(c.dirty))
	clear(c.dirty)
	return folders
}

// dataOf is the kind of event.data of a source by the last check, "" if it is not known.
func (c *checks) dataOf(folder, source string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.data[folder][source]
}

func (c *checks) learn(folder string, cfg *config.Config) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(cfg.Sources) == 0 {
		return // part of it could not be parsed, and what was known is the best guess
	}
	c.data[folder] = map[string]string{}
	for _, s := range cfg.Sources {
		c.data[folder][s.Name] = s.Data
	}
}

// check checks folders when they have changed, until ctx is done.
func (s *server) check(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.checks.wake:
		}
		for settled := false; !settled; {
			select {
			case <-ctx.Done():
				return
			case <-s.checks.wake:
			case <-time.After(quiet):
				settled = true
			}
		}
		for _, folder := range s.checks.take() {
			s.publish(ctx, folder)
		}
	}
}

// publish checks a folder and sends the diagnostics of its files.
func (s *server) publish(ctx context.Context, folder string) {
	open := s.opened(folder)
	if len(open) == 0 {
		s.clear(ctx, folder)
		return
	}
	files := []config.File{}
	for _, path := range s.files(folder) {
		if d := s.read(path); d != nil {
			files = append(files, config.File{Name: path, Text: d.text})
		}
	}
	cfg, diags := s.Check(ctx, files)
	s.checks.learn(folder, cfg)
	found := map[string][]diagnostic{}
	for _, name := range cfg.Files {
		found[name] = []diagnostic{}
	}
	for _, m := range diags.Messages(100) {
		file := m.File
		if file == "" {
			file = open[0] // about no place: shown at the top of a file that is open
		}
		found[file] = append(found[file], s.diagnostic(file, m))
	}
	for _, name := range s.checks.replaceShown(folder, found) {
		found[name] = []diagnostic{}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		s.send(ctx, name, found[name])
	}
}

// replaceShown keeps which files have diagnostics, and returns those that had some and are not checked any more.
func (c *checks) replaceShown(folder string, found map[string][]diagnostic) (gone []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range c.shown[folder] {
		if _, still := found[name]; !still {
			gone = append(gone, name)
		}
	}
	c.shown[folder] = slices.Collect(maps.Keys(found))
	return gone
}

// clear takes the diagnostics of a folder away in which nothing is open.
func (s *server) clear(ctx context.Context, folder string) {
	for _, name := range s.checks.replaceShown(folder, nil) {
		s.send(ctx, name, []diagnostic{})
	}
}

func (s *server) send(ctx context.Context, path string, list []diagnostic) {
	// It fails only when the editor has gone, which ends the server.
	_ = s.rpc.Notify(ctx, "textDocument/publishDiagnostics", diagnosticsParams{URI: uriOf(path), Diagnostics: list})
}

func (s *server) diagnostic(path string, m config.Message) diagnostic {
	d := diagnostic{Severity: 1, Source: "pointsman", Message: m.Summary}
	if m.Severity == "warning" {
		d.Severity = 2
	}
	if m.Detail != "" {
		d.Message += ": " + m.Detail
	}
	if doc := s.read(path); doc != nil && m.File != "" {
		d.Range = doc.span(m.Start, m.End)
	}
	return d
}

// isConfig is false for tests of rules, which are files of their own.
func isConfig(path string) bool {
	return filepath.Ext(path) == ".hcl" && !config.IsTestFile(path)
}
