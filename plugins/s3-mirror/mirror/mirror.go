// Package mirror makes the objects of one bucket equal to those of another, one key at a time.
//
// It knows nothing of events: a caller names a key, and Converge makes the destination what the source is at that moment.
// So it does not matter which event made the caller ask, in which order events came, or how often. Nothing is kept between
// calls and nothing is written to disk.
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

// Config is what New needs. Limits that are 0 take their defaults.
type Config struct {
	Source      Side
	Destination Destination
	// Deletes lets what is gone at the source go at the destination.
	Deletes bool
	// Include and Exclude are globs over source keys: * is any characters, / included, and ? is any one. No Include: all.
	Include, Exclude []string
	// Concurrency is how many small objects and parts of big ones are in memory and on their way at a time.
	Concurrency int
	// PartSize in bytes: bigger objects go in parts. An object of more than 10,000 parts gets bigger ones.
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
	within              bool // the server can copy by itself
	objects             *semaphore.Weighted
	slots               *slots
	limiter             *rate.Limiter // nil: no limit
	checksums           atomic.Bool   // the destination takes checksums
	log                 *slog.Logger

	now           func() time.Time
	resumeDelay   time.Duration
	maxServerCopy int64
	serverPart    int64
}

// New prepares both clients. It does not talk to the servers. An *Error says which side cannot be.
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

// SourceClient is the client that reads.
func (m *Mirror) SourceClient() *s3.Client { return m.source }

// DestinationClient is the client that writes.
func (m *Mirror) DestinationClient() *s3.Client { return m.destination }

// Wants says whether a source key is mirrored at all, by prefix and filters.
func (m *Mirror) Wants(key string) bool {
	if !strings.HasPrefix(key, m.config.Source.Prefix) || m.DestinationKey(key) == "" {
		return false
	}
	return (len(m.config.Include) == 0 || matchAny(m.config.Include, key)) && !matchAny(m.config.Exclude, key)
}

// DestinationKey is the key that sourceKey has at the destination.
func (m *Mirror) DestinationKey(sourceKey string) string {
	return m.config.Destination.Prefix + strings.TrimPrefix(sourceKey, m.config.Source.Prefix)
}
