// Package lsp is a language server for the configuration language: diagnostics, completion, hover and definitions over the standard
// streams. What it says comes from a reference.Model and from config; it knows no HCL. The configuration is the folder of a file.
package lsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/handler"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/reference"
)

// Options are what the server works with.
type Options struct {
	// Version of the program.
	Version string
	Model   *reference.Model
	// Check reads the texts of all files of a configuration.
	Check func(ctx context.Context, files []config.File) (*config.Config, *config.Diagnostics)
}

// maxOpen bounds the files that an editor has open.
const maxOpen = 1000

// Serve answers an editor until it says exit, in ends or ctx is done.
func Serve(ctx context.Context, in io.Reader, out io.WriteCloser, o Options) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &server{Options: o, open: map[string]*document{}, checks: newChecks()}
	s.rpc = jrpc2.NewServer(s.methods(stop), &jrpc2.ServerOptions{
		AllowPush: true, Concurrency: 1, DisableBuiltin: true, NewContext: func() context.Context { return ctx },
	})
	s.rpc.Start(newFrames(in, out))
	var checking sync.WaitGroup
	checking.Go(func() { s.check(ctx) })
	ended := make(chan error, 1)
	go func() { ended <- s.rpc.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		s.rpc.Stop() // a Recv may go on for as long as in stays open
	}
	stop()
	checking.Wait()
	switch {
	case s.exited && !s.shutDown:
		return errors.New("the editor said exit before shutdown")
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// server is the state of one connection. Requests come one at a time; checks run beside them.
type server struct {
	Options
	rpc    *jrpc2.Server
	checks *checks
	// shutDown and exited say what the editor asked for.
	shutDown, exited bool

	mu   sync.Mutex
	open map[string]*document // by path
}

func (s *server) methods(exit func()) handler.Map {
	return handler.Map{
		"initialize":              handler.New(s.initialize),
		"initialized":             handler.New(func(context.Context) error { return nil }),
		"shutdown":                handler.New(func(context.Context) (any, error) { s.shutDown = true; return nil, nil }),
		"exit":                    handler.New(func(context.Context) error { s.exited = true; exit(); return nil }),
		"textDocument/didOpen":    handler.New(s.didOpen),
		"textDocument/didChange":  handler.New(s.didChange),
		"textDocument/didClose":   handler.New(s.didClose),
		"textDocument/completion": handler.New(s.completion),
		"textDocument/hover":      handler.New(s.hover),
		"textDocument/definition": handler.New(s.definition),
	}
}

func (s *server) initialize(context.Context, *jrpc2.Request) (initializeResult, error) {
	return initializeResult{
		Capabilities: capabilities{
			TextDocumentSync: 1, HoverProvider: true, DefinitionProvider: true,
			CompletionProvider: completionOptions{TriggerCharacters: []string{".", `"`}},
		},
		ServerInfo: serverInfo{Name: "pointsman", Version: s.Version},
	}, nil
}

func (s *server) didOpen(_ context.Context, p openParams) error {
	return s.set(p.TextDocument.URI, p.TextDocument.Text)
}

func (s *server) didChange(_ context.Context, p changeParams) error {
	if len(p.ContentChanges) == 0 {
		return nil
	}
	return s.set(p.TextDocument.URI, p.ContentChanges[len(p.ContentChanges)-1].Text)
}

// set keeps the text of a file that is open in the editor.
func (s *server) set(uri, text string) error {
	path, err := pathOf(uri)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.open[path]; !known && len(s.open) >= maxOpen {
		return fmt.Errorf("more than %d files are open", maxOpen)
	}
	s.open[path] = newDocument(path, []byte(text))
	s.checks.want(filepath.Dir(path))
	return nil
}

func (s *server) didClose(_ context.Context, p closeParams) error {
	path, err := pathOf(p.TextDocument.URI)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, path)
	s.checks.want(filepath.Dir(path)) // the file is in force again
	return nil
}

// opened are the configuration files of a folder that are open.
func (s *server) opened(folder string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for path := range s.open {
		if filepath.Dir(path) == folder && isConfig(path) {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return found
}

func (s *server) document(path string) (*document, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.open[path]
	return d, ok
}
