package reconcile

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class is the kind of a difference in one key.
type Class string

// The classes. Extra means that the source has no object of that key.
const (
	Missing   Class = "missing"
	Different Class = "different"
	Extra     Class = "extra"
)

// difference is a key to settle. Without a class, the objects themselves must be compared.
type difference struct {
	key                 string // the source's
	class               Class
	why                 string
	source, destination *Object
}

// errEmptySource protects the destination: a store that was set up anew or has lost its disk lists nothing.
var errEmptySource = errors.New("the source lists no objects at all, and deletes = true would empty the destination: " +
	"nothing was deleted; use --empty-source if you mean it")

// join merges both listings, which are in the order of their keys.
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

// compare passes on objects that differ or may differ.
func (r *Run) compare(d difference, found func(difference) error) error {
	if !r.Mirror.Wants(d.key) {
		r.tally.count(&r.tally.s.Ignored)
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
		r.tally.count(&r.tally.s.Unchanged)
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

// sameBytes compares ETags. The verdict no is only right if neither object is encrypted with KMS or a customer key: the ETag of
// such an object looks like an MD5 but is none.
func (d difference) sameBytes() verdict {
	switch a, b := d.source.ETag, d.destination.ETag; {
	case a == b && a != "":
		return yes
	case isMD5(a) && isMD5(b):
		return no
	}
	return unknown
}

// isMD5 reports whether an ETag can be an MD5. That of an object uploaded in parts has a dash, and some stores have ETags of other
// lengths.
func isMD5(etag string) bool {
	return len(etag) == 32 && strings.Trim(strings.ToLower(etag), "0123456789abcdef") == ""
}

// older reports whether the copy was made before its original, which shows a difference without reading the bytes. Some stores
// have whole seconds only; then seconds are compared.
func (d difference) older() bool {
	original, copied := d.source.Modified, d.destination.Modified
	if original.Nanosecond() == 0 || copied.Nanosecond() == 0 {
		original, copied = original.Truncate(time.Second), copied.Truncate(time.Second)
	}
	return copied.Before(original)
}
