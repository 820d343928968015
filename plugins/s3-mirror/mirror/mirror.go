// Package mirror makes the objects of one bucket equal to those of another, one key at a time.
//
// It does not depend on events: a caller names a key, and Converge makes the destination equal to the source at that moment. So
// the kind, the order and the number of events do not matter. Nothing is kept between calls or written to disk.
package mirror

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// Config of a Mirror. Limits that are 0 take their defaults.
type Config struct {
	Source      Side
	Destination Destination
	// Deletes deletes objects at the destination that no longer exist at the source.
	Deletes bool
	// Include and Exclude are globs over source keys: * stands for any characters including /, ? for any one. No Include: all.
	Include, Exclude []string
	// Concurrency is the number of small objects and parts of big ones in memory and in transfer at a time.
	Concurrency int
	// PartSize in bytes: bigger objects are sent in parts. An object of more than 10,000 parts gets bigger ones.
	PartSize int64
	// Bandwidth of all reading from the source together, in bytes per second. 0: no limit.
	Bandwidth int64
	Log       *slog.Logger

	backoff time.Duration // longest wait between two attempts of one request; 0: maxBackoff
}

// Defaults and limits of settings. The limits are those of S3.
const (
	DefaultConcurrency       = 8
	DefaultPartSize    int64 = 8 << 20
	MinPartSize        int64 = 5 << 20
	MaxPartSize        int64 = 5 << 30

	maxParts       = 10_000
	maxServerCopy  = 5 << 30 // bytes in one CopyObject
	serverCopyPart = 1 << 30
)

// Mirror converges keys. It is safe for concurrent use; a caller must not converge one key twice at the same time.
type Mirror struct {
	config              Config
	source, destination *s3.Client
	within              bool // the server can copy objects itself
	objects             *semaphore.Weighted
	slots               *slots
	limiter             *rate.Limiter // nil: no limit
	checksums           atomic.Bool   // the destination supports checksums
	log                 *slog.Logger

	now           func() time.Time
	resumeDelay   time.Duration
	maxServerCopy int64
	serverPart    int64
}

// New makes both clients. It makes no request. An *Error names the side that is wrong.
func New(c Config) (*Mirror, error) {
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.PartSize == 0 {
		c.PartSize = DefaultPartSize
	}
	if c.backoff == 0 {
		c.backoff = maxBackoff
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if Overlap(c.Source, c.Destination.Side) {
		return nil, errors.New("source and destination are the same place: the mirror would copy its own copies")
	}
	m := &Mirror{
		config: c, within: canCopy(c.Source, c.Destination.Side), log: c.Log,
		objects: semaphore.NewWeighted(int64(c.Concurrency)), slots: newSlots(c.Concurrency, c.PartSize),
		limiter: newLimiter(c.Bandwidth), now: time.Now,
		resumeDelay: 200 * time.Millisecond, maxServerCopy: maxServerCopy, serverPart: serverCopyPart,
	}
	m.checksums.Store(true)
	var err error
	if m.source, err = newClient(c.Source, c, sourceSilence); err != nil {
		return nil, &Error{Permanent: true, Side: source, Bucket: c.Source.Bucket, Err: err}
	}
	if m.destination, err = newClient(c.Destination.Side, c, destinationSilence); err != nil {
		return nil, &Error{Permanent: true, Side: destination, Bucket: c.Destination.Bucket, Err: err}
	}
	return m, nil
}

// SourceClient returns the client that reads.
func (m *Mirror) SourceClient() *s3.Client { return m.source }

// DestinationClient returns the client that writes.
func (m *Mirror) DestinationClient() *s3.Client { return m.destination }

// Wants reports whether prefix and filters select a source key.
func (m *Mirror) Wants(key string) bool {
	if !strings.HasPrefix(key, m.config.Source.Prefix) || m.DestinationKey(key) == "" {
		return false
	}
	return (len(m.config.Include) == 0 || matchAny(m.config.Include, key)) && !matchAny(m.config.Exclude, key)
}

// DestinationKey returns the key of a source object at the destination.
func (m *Mirror) DestinationKey(sourceKey string) string {
	return m.config.Destination.Prefix + strings.TrimPrefix(sourceKey, m.config.Source.Prefix)
}
