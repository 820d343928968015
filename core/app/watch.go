package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/pointsman/pointsman/core/config"
)

const (
	// watchPoll is how often the files are read even if no event of the file system says that they changed. Such events do not
	// arrive on network file systems, and not for a bind mount whose file was replaced.
	watchPoll = 5 * time.Second
	// watchSettle is how long the files must be unchanged before a reload: editors and deployments write several at once.
	watchSettle = 200 * time.Millisecond
	// watchFileBytes is how much of a file counts. Larger ones are refused when they are loaded.
	watchFileBytes = 2 << 20
)

// watch asks for a reload whenever the content of the configuration files or a plugin's program has changed, until ctx ends.
// Events of the file system only make it look sooner: what counts is the content, so that the swap of a link to a directory, as
// Kubernetes updates a ConfigMap, is seen like any other change.
func (r *router) watch(ctx context.Context) error {
	events, stop := r.fileEvents()
	defer func() { stop() }()
	ticks := time.NewTicker(watchPoll)
	defer ticks.Stop()
	settle := time.NewTimer(watchSettle)
	settle.Stop()
	defer settle.Stop()
	inForce := r.fingerprint()
	seen := inForce
	for {
		select {
		case <-events:
			settle.Reset(watchSettle)
		case <-ticks.C:
			if now := r.fingerprint(); now != seen {
				seen = now
				settle.Reset(watchSettle)
				stop() // no event announced it: the directory may be another one now
				events, stop = r.fileEvents()
			}
		case <-settle.C:
			now := r.fingerprint()
			switch {
			case now != seen:
				seen = now
				settle.Reset(watchSettle) // still being written
			case now != inForce:
				inForce = now
				select {
				case r.reloads.changed <- struct{}{}:
				case <-ctx.Done():
				}
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// fileEvents returns a channel that receives something when files in the directories of the configuration change. Without
// support of the file system it is nil, and the poll has to do.
func (r *router) fileEvents() (<-chan fsnotify.Event, func()) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		r.Log.Warn("watching files by polling only", "err", err)
		return nil, func() {}
	}
	dirs := map[string]bool{}
	for _, path := range r.Paths {
		dir := filepath.Dir(path)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			dir = path
		}
		dirs[dir] = true
	}
	for dir := range dirs {
		if err := watcher.Add(dir); err != nil {
			r.Log.Warn("watching a directory by polling only", "dir", dir, "err", err)
		}
	}
	go func() { // nobody else reads the errors, and the watcher blocks on them
		for err := range watcher.Errors {
			r.Log.Warn("watching files", "err", err)
		}
	}()
	return watcher.Events, func() { _ = watcher.Close() }
}

// fingerprint identifies the content of the configuration files and the programs of the plugins in force. Programs are large, so
// size and time stand for their content.
func (r *router) fingerprint() string {
	sum := sha256.New()
	for _, name := range config.FindFiles(r.Paths) {
		fmt.Fprintf(sum, "file %q ", name)
		if f, err := os.Open(name); err == nil {
			_, _ = io.Copy(sum, io.LimitReader(f, watchFileBytes)) // An unreadable file is reported by the reload.
			_ = f.Close()
		}
	}
	for _, p := range r.current.Load().plugins {
		if info, err := os.Stat(p.spec.Path); err == nil {
			fmt.Fprintf(sum, "program %q %d %d ", p.spec.Path, info.Size(), info.ModTime().UnixNano())
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
