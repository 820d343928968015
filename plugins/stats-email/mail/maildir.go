package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Maildir is a folder in the format of https://cr.yp.to/proto/maildir.html: one file is one mail. Mail programs read it, and
// so does cat. It is safe for concurrent use, also by several processes.
type Maildir struct {
	path string
}

// staleAfter is the age at which a file in tmp is litter of a crash, by the format's own rule.
const staleAfter = 36 * time.Hour

// OpenMaildir makes the folders where there are none, readable only for the owner.
func OpenMaildir(path string) (*Maildir, error) {
	d := &Maildir{path}
	if err := d.makeFolders(); err != nil {
		return nil, fmt.Errorf("open maildir: %w", err)
	}
	entries, err := os.ReadDir(filepath.Join(path, "tmp"))
	if err != nil {
		return nil, fmt.Errorf("open maildir: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > staleAfter {
			_ = os.Remove(filepath.Join(path, "tmp", e.Name())) // somebody else may have done it
		}
	}
	return d, nil
}

func (d *Maildir) makeFolders() error {
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(d.path, sub), 0o700); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(d.path), syncDir(filepath.Dir(d.path)))
}

// Send puts the message into new, once per ID: a mail that is still there, read or unread, is not put there again. nil means
// that it is on disk. Lines end in "\n", as is usual in files.
func (d *Maildir) Send(_ context.Context, m *Message) error {
	text, err := m.encode()
	if err != nil {
		return err
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	err = d.put(m.Name()+".pointsman", text)
	if errors.Is(err, fs.ErrNotExist) { // somebody has removed the folder meanwhile
		if err = d.makeFolders(); err == nil {
			err = d.put(m.Name()+".pointsman", text)
		}
	}
	if err != nil {
		return fmt.Errorf("write to maildir: %w", err)
	}
	return nil
}

func (d *Maildir) put(name string, text []byte) error {
	newFile := filepath.Join(d.path, "new", name)
	there, err := d.has(name)
	if err != nil {
		return err
	}
	if !there {
		tmp, err := d.writeTmp(name, text)
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(tmp) }() // what remains is cleaned up when the folder is opened
		if err := os.Link(tmp, newFile); errors.Is(err, fs.ErrExist) {
			return syncDir(filepath.Dir(newFile)) // another attempt was faster
		} else if err != nil {
			if err := os.Rename(tmp, newFile); err != nil { // a file system without links
				return err
			}
		}
	}
	return syncDir(filepath.Dir(newFile))
}

// has looks for the mail in new, and in cur where readers move it, with flags after a colon.
func (d *Maildir) has(name string) (bool, error) {
	if _, err := os.Lstat(filepath.Join(d.path, "new", name)); err == nil {
		return true, nil
	}
	cur, err := os.Open(filepath.Join(d.path, "cur"))
	if err != nil {
		return false, err
	}
	defer func() { _ = cur.Close() }() // only read from
	for {
		names, err := cur.Readdirnames(1000)
		for _, n := range names {
			if n == name || strings.HasPrefix(n, name+":") {
				return true, nil
			}
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// writeTmp writes a file that nobody else writes, down to the disk.
func (d *Maildir) writeTmp(name string, text []byte) (path string, err error) {
	f, err := os.CreateTemp(filepath.Join(d.path, "tmp"), name+".*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if closeErr := dir.Close(); err == nil {
		err = closeErr
	}
	return err
}
