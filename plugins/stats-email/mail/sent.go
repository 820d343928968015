package mail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
)

// maxSent is the size at which the file of a Sent is put aside. Two of them hold some 20,000 mails.
const maxSent = 1 << 20

// Sent remembers on disk which addresses a server has taken a mail for, so that the same mail, coming again after a crash or
// after a partial success, goes only to the others. For a service that takes a mail as a whole, the id that it gave stands in
// place of the addresses. It forgets the oldest mails. It is safe for concurrent use, but only one
// may be open on a path.
type Sent struct {
	path string
	log  *slog.Logger

	mu        sync.Mutex
	file      *os.File
	size      int64
	now, past map[string][]string // addresses by message id: of the file, and of the one put aside
}

// sentLine is one line of the file. A later line of the same id replaces an earlier one.
type sentLine struct {
	ID string   `json:"id"`
	To []string `json:"to"`
}

// OpenSent reads what is at path, and at path + ".old".
func OpenSent(path string, log *slog.Logger) (*Sent, error) {
	past, _, err := readSent(path + ".old")
	if err != nil {
		return nil, fmt.Errorf("open list of sent mails: %w", err)
	}
	now, size, err := readSent(path)
	if err != nil {
		return nil, fmt.Errorf("open list of sent mails: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		err = file.Truncate(size) // what a crash left of a last line
	}
	if err != nil {
		return nil, fmt.Errorf("open list of sent mails: %w", err)
	}
	return &Sent{path: path, log: log, file: file, size: size, now: now, past: past}, nil
}

// readSent reads the whole lines of a file and returns their size. Nothing there is as good as an empty file.
func readSent(path string) (map[string][]string, int64, error) {
	sent := map[string][]string{}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	for line := range bytes.Lines(text) {
		var l sentLine
		if json.Unmarshal(line, &l) == nil { // a damaged line costs at most a mail that comes twice
			sent[l.ID] = l.To
		}
	}
	return sent, int64(len(text)), nil
}

// Reached returns the addresses that the mail with this id has been taken for.
func (s *Sent) Reached(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to, ok := s.now[id]; ok {
		return to
	}
	return s.past[id]
}

// Add remembers more addresses for the mail with this id, on disk when it returns. That it could not is logged and no
// error: the mail has been sent.
func (s *Sent) Add(id string, to []string) {
	reached := slices.Concat(s.Reached(id), to)
	line, err := json.Marshal(sentLine{id, reached})
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.now[id] = reached
		err = s.write(append(line, '\n'))
	}
	if err != nil {
		s.log.Warn("cannot remember that a mail was sent: it may be sent again", "err", err)
	}
}

func (s *Sent) write(line []byte) error {
	if s.size >= maxSent {
		if err := s.putAside(); err != nil {
			return err
		}
	}
	n, err := s.file.Write(line)
	s.size += int64(n)
	if err != nil {
		return err
	}
	return s.file.Sync()
}

func (s *Sent) putAside() error {
	file, err := os.OpenFile(s.path+".next", os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(os.Rename(s.path, s.path+".old"), os.Rename(s.path+".next", s.path), s.file.Close())
	s.file, s.size = file, 0
	s.past, s.now = s.now, map[string][]string{}
	return err
}

// Close closes the file.
func (s *Sent) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Close()
}
