package reconcile

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class is how the destination differs from the source in one key.
type Class string

// The classes. An object is Extra when the source has none of that key.
const (
	Missing   Class = "missing"
	Different Class = "different"
	Extra     Class = "extra"
)

// difference is a key to settle. Without a class, the objects themselves must be looked at.
type difference struct {
	key                 string // the source's
	class               Class
	why                 string
	source, destination *Object
}

// errEmptySource: a store that was set up anew looks like this, or one that has lost its disk.
var errEmptySource = errors.New("the source lists no objects at all, and deletes = true would empty the destination: " +
	"nothing was deleted; --empty-source does it, if that is meant")

// join walks both listings at once.
func (r *Run) join(source, destination *cursor, found func(difference) error) error {
	s, err := source.next()
	if err != nil {
		return err
	}
	d, err := destination.next()
	if err == nil && s == nil && d != nil && r.Deletes && !r.DryRun && !r.EmptySource {
		return errEmptySource
	}
	for err == nil && (s != nil || d != nil) {
		fromSource := d == nil || s != nil && s.Key <= d.Key
		fromDestination := s == nil || d != nil && d.Key <= s.Key
		pair := difference{}
		if fromSource {
			pair.key, pair.source = r.Source.Prefix+s.Key, s
		}
		if fromDestination {
			pair.key, pair.destination = r.Source.Prefix+d.Key, d
		}
		if err = r.compare(pair, found); err != nil {
			return err
		}
		if fromSource {
			s, err = source.next()
		}
		if fromDestination && err == nil {
			d, err = destination.next()
		}
	}
	return err
}

// compare passes on what differs or may differ.
func (r *Run) compare(d difference, found func(difference) error) error {
	if !r.Mirror.Wants(d.key) {
		r.counts.ignored.Add(1)
		return nil
	}
	equal := false
	switch {
	case d.destination == nil:
		d.class = Missing
	case d.source == nil:
		d.class = Extra
	case d.source.Size != d.destination.Size:
		d.class, d.why = Different, fmt.Sprintf("%d bytes, not %d", d.destination.Size, d.source.Size)
	default:
		equal = d.sameBytes() == yes
	}
	if equal && !r.Metadata {
		r.counts.unchanged.Add(1)
		return nil
	}
	return found(d)
}

// verdict on whether two objects of the same size have the same bytes.
type verdict int

const (
	unknown verdict = iota
	yes
	no
)

// sameBytes judges by ETags. no means no only when neither object is encrypted with a key of its own: the ETag then looks
// like an MD5 and is none.
func (d difference) sameBytes() verdict {
	switch a, b := d.source.ETag, d.destination.ETag; {
	case a == b && a != "":
		return yes
	case isMD5(a) && isMD5(b):
		return no
	}
	return unknown
}

// isMD5: the ETag of an object uploaded in parts has a dash, and what some stores make up has another length.
func isMD5(etag string) bool {
	return len(etag) == 32 && strings.Trim(strings.ToLower(etag), "0123456789abcdef") == ""
}

// older is the judgement without the bytes: a copy is made after its original. Some stores tell whole seconds only; then
// the second is all that counts.
func (d difference) older() bool {
	original, copied := d.source.Modified, d.destination.Modified
	if original.Nanosecond() == 0 || copied.Nanosecond() == 0 {
		original, copied = original.Truncate(time.Second), copied.Truncate(time.Second)
	}
	return copied.Before(original)
}
