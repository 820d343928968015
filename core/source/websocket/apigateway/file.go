package apigateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// file is a table in memory whose changes are appended to a file, a line of JSON each. A lock admits one process at a time.
type file struct {
	path string
	lock *os.File

	// mu guards the fields below.
	mu    sync.Mutex
	log   *os.File
	lines int
	size  int64 // bytes of complete lines
	rows  map[string]row
}

// line is one change.
type line struct {
	Connection string `json:"connection"`
	Room       string `json:"room,omitempty"`
	Connected  int64  `json:"connected_at,omitempty"`
	Expires    int64  `json:"expires_at,omitempty"`
	Gone       bool   `json:"gone,omitempty"`
}

// maxStale is how many lines more than twice the number of connections the file may have before it is rewritten.
const maxStale = 10_000

// openFile reads the list and locks its file, so that two routers cannot share it.
func openFile(path string) (*file, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("apigateway.file: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("apigateway.file: %w", err)
	}
	f := &file{path: path, lock: lock, rows: map[string]row{}}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("apigateway.file: %s is in use by another router: configure one file for each, or use a table: %w", path, err), lock.Close())
	}
	if err := f.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("apigateway.file: %w", err), lock.Close())
	}
	if err := f.rewrite(); err != nil {
		return nil, errors.Join(fmt.Errorf("apigateway.file: %w", err), lock.Close())
	}
	return f, nil
}

// load reads the file. It ignores an incomplete last line: a crash interrupted that write before it was acknowledged.
func (f *file) load() error {
	content, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for number := 1; ; number++ {
		text, rest, whole := bytes.Cut(content, []byte("\n"))
		if !whole {
			return nil
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return fmt.Errorf("%s:%d: not a line of a connection table: %w", f.path, number, err)
		}
		f.apply(l)
		content = rest
	}
}

func (f *file) apply(l line) {
	if l.Gone {
		delete(f.rows, l.Connection)
		return
	}
	f.rows[l.Connection] = row{connection: l.Connection, room: l.Room, connected: time.Unix(l.Connected, 0), expires: time.Unix(l.Expires, 0)}
}

// rewrite replaces the file by one without outdated lines.
func (f *file) rewrite() error {
	next := f.path + ".new"
	out, err := os.OpenFile(next, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriter(out)
	for _, r := range f.rows {
		_, err = buffer.Write(encode(lineOf(r)))
	}
	err = errors.Join(err, buffer.Flush(), out.Sync())
	if err == nil {
		err = os.Rename(next, f.path)
	}
	var end int64
	if err == nil {
		end, err = out.Seek(0, 1)
	}
	if err == nil {
		err = syncDir(filepath.Dir(f.path))
	}
	if err != nil {
		return errors.Join(err, out.Close())
	}
	if f.log != nil {
		_ = f.log.Close() // its content is in the new one
	}
	f.log, f.lines, f.size = out, len(f.rows), end
	return nil
}

func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func lineOf(r row) line {
	return line{Connection: r.connection, Room: r.room, Connected: r.connected.Unix(), Expires: r.expires.Unix()}
}

func encode(l line) []byte {
	text, err := json.Marshal(l)
	if err != nil {
		panic(fmt.Sprintf("apigateway: line: %v", err)) // cannot happen: strings and numbers
	}
	return append(text, '\n')
}

// append writes a change; if durable is set, it is on disk when append returns. After an error it truncates a partial line.
func (f *file) append(l line, durable bool) error {
	text := encode(l)
	_, err := f.log.WriteAt(text, f.size)
	if err == nil && durable {
		err = f.log.Sync()
	}
	if err != nil {
		return fmt.Errorf("write the connection table: %w", errors.Join(err, f.log.Truncate(f.size)))
	}
	f.size += int64(len(text))
	f.apply(l)
	if f.lines++; f.lines > 2*len(f.rows)+maxStale {
		if err := f.rewrite(); err != nil {
			f.lines = len(f.rows) // the old file is intact; try again after maxStale lines
		}
	}
	return nil
}

func (f *file) check(context.Context) error { return nil }

// add implements store.
func (f *file) add(_ context.Context, r row) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch old, listed := f.rows[r.connection]; {
	case listed && old.room != r.room:
		return errTaken
	case listed:
		return nil
	}
	return f.append(lineOf(r), true)
}

// find implements store.
func (f *file) find(_ context.Context, connection string) (row, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows[connection], nil
}

// remove implements store. It is not durable: after a crash the next broadcast or sweep removes the connection again.
func (f *file) remove(_ context.Context, connection string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, listed := f.rows[connection]; !listed {
		return nil
	}
	return f.append(line{Connection: connection, Gone: true}, false)
}

// members implements store.
func (f *file) members(_ context.Context, room string, each func(row)) error {
	for _, r := range f.list(func(r row) bool { return r.room == room }) {
		each(r)
	}
	return nil
}

// all implements store.
func (f *file) all(_ context.Context, each func(row)) error {
	for _, r := range f.list(func(row) bool { return true }) {
		each(r)
	}
	return nil
}

// expired implements store.
func (f *file) expired(_ context.Context, now time.Time, each func(row) error) error {
	for _, r := range f.list(func(r row) bool { return r.expires.Before(now) }) {
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// list returns the matching rows. Callers use them without the lock, because they may remove rows or send requests. Compared with
// those requests, looking at every row is cheap.
func (f *file) list(match func(row) bool) []row {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []row
	for _, r := range f.rows {
		if match(r) {
			list = append(list, r)
		}
	}
	return list
}

func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.log.Close(), f.lock.Close())
}
