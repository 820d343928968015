package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/pointsman/pointsman/core/journal"
)

// FindEvent implements journal.Reader.
func (r *queries) FindEvent(ctx context.Context, source, id string) (*journal.EventRecord, error) {
	var found *journal.EventRecord
	err := r.ask(ctx, "find event", func(c *sqlite.Conn) error {
		sources, err := findSources(c, source)
		if err != nil {
			return err
		}
		newest, err := findNewest(c, sources, id)
		if err != nil {
			return err
		}
		switch {
		case len(newest) > 1:
			names := make([]string, 0, len(newest))
			for name := range newest {
				names = append(names, fmt.Sprintf("%q", name))
			}
			slices.Sort(names)
			return fmt.Errorf("event %q, of the sources %s: %w", id, strings.Join(names, ", "), journal.ErrAmbiguous)
		case len(newest) == 0 && source == "":
			return fmt.Errorf("event %q: %w", id, journal.ErrNotFound)
		case len(newest) == 0:
			return fmt.Errorf("event %q of source %q: %w", id, source, journal.ErrNotFound)
		}
		for _, seq := range newest {
			found, err = r.event(c, seq)
		}
		return err
	})
	return found, err
}

// findSources returns the source, or all sources if it is empty.
func findSources(c *sqlite.Conn, source string) (names []string, err error) {
	if source != "" {
		return []string{source}, nil
	}
	err = query(c, "SELECT name FROM source", func(s *sqlite.Stmt) error {
		names = append(names, s.ColumnText(0))
		return nil
	})
	return names, err
}

// findNewest returns the newest event with the id of each source that has one. It finds them by their dedupe keys, which are in the
// file as long as the event is.
func findNewest(c *sqlite.Conn, sources []string, id string) (map[string]int64, error) {
	hashes := make(map[keyHash]string, 2*len(sources))
	for _, source := range sources {
		hashes[hashKey(kindKey, source, id)] = source
		hashes[hashKey(kindID, source, id)] = source
	}
	newest := make(map[string]int64)
	found := func(h keyHash, e seenEntry) error {
		source := hashes[h]
		// A key may belong to an event with another id, and the event may be deleted.
		return query(c, "SELECT seq FROM event WHERE seq = ? AND source = ? AND id = ?", func(s *sqlite.Stmt) error {
			newest[source] = max(newest[source], s.ColumnInt64(0))
			return nil
		}, e.event, source, id)
	}
	if err := findInTail(c, hashes, found); err != nil {
		return nil, err
	}
	return newest, findInRuns(c, hashes, found)
}

// findInTail calls found for each key in table seen_tail that has one of the hashes.
func findInTail(c *sqlite.Conn, hashes map[keyHash]string, found func(keyHash, seenEntry) error) error {
	var content bytes.Buffer
	if err := query(c, "SELECT entries FROM seen_tail", func(s *sqlite.Stmt) error {
		_, err := content.ReadFrom(s.ColumnReader(0))
		return err
	}); err != nil {
		return err
	}
	for b := content.Bytes(); len(b) >= seenBytes; b = b[seenBytes:] {
		h, e := decodeSeen(b)
		if _, ok := hashes[h]; !ok {
			continue
		}
		if err := found(h, e); err != nil {
			return err
		}
	}
	return nil
}

// findInRuns is the same for the runs.
func findInRuns(c *sqlite.Conn, hashes map[keyHash]string, found func(keyHash, seenEntry) error) error {
	var runs []*run
	if err := query(c, "SELECT id, bits FROM seen_run", func(s *sqlite.Stmt) error {
		runs = append(runs, &run{id: s.ColumnInt64(0), bits: uint(s.ColumnInt64(1))})
		return nil
	}); err != nil {
		return err
	}
	chunk, err := c.Prepare("SELECT entries FROM seen_chunk WHERE id = ?")
	if err != nil {
		return err
	}
	for _, r := range runs {
		for h := range hashes {
			e, ok, err := r.find(chunk, h)
			if err == nil && ok {
				err = found(h, e)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
