package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
	"github.com/pointsman/pointsman/plugins/sdk"
)

// settings is the block `settings`.
type settings struct {
	Source         mirror.Side        `pointsman:"source" doc:"Bucket that is read."`
	Destination    mirror.Destination `pointsman:"destination" doc:"Bucket that is written."`
	Deletes        bool               `pointsman:"deletes,default=false" doc:"Delete objects at the destination that are deleted at the source."`
	Include        []string           `pointsman:"include" doc:"Only keys that match one of these globs; * stands for any characters including /, ? for any one. Default: all."`
	Exclude        []string           `pointsman:"exclude" doc:"No keys that match one of these globs."`
	SkipPrincipals []string           `pointsman:"skip_principals" doc:"Ignore events that these principals caused, such as the user of a mirror in the other direction."`
	Concurrency    int                `pointsman:"concurrency,default=8" doc:"Number of small objects and parts of big ones in memory and in transfer at a time."`
	PartSize       string             `pointsman:"part_size,default=8MiB" doc:"Bigger objects are sent in parts of this size, 5MiB to 5GiB. The plugin needs about concurrency times this memory."`
	Bandwidth      string             `pointsman:"bandwidth,default=0" doc:"Limit of the bytes read per second, such as \"50MiB\". 0: no limit."`
}

// reserve is the memory for everything but the buffers, before the runtime collects garbage more often.
const reserve = 32 << 20

// newMirror makes the engine from settings that check has accepted.
func (s settings) newMirror(log *slog.Logger) (*mirror.Mirror, error) {
	partSize, err := parseSize(s.PartSize)
	if err != nil {
		return nil, sdk.Diagnostic{Path: "part_size", Summary: err.Error()}
	}
	bandwidth, err := parseSize(s.Bandwidth)
	if err != nil {
		return nil, sdk.Diagnostic{Path: "bandwidth", Summary: err.Error()}
	}
	// The buffers live as long as the process. Without a limit the runtime would let as much garbage pile up in addition.
	debug.SetMemoryLimit(int64(s.Concurrency)*partSize + reserve)
	m, err := mirror.New(mirror.Config{
		Source: s.Source, Destination: s.Destination, Deletes: s.Deletes, Include: s.Include, Exclude: s.Exclude,
		Concurrency: s.Concurrency, PartSize: partSize, Bandwidth: bandwidth, Log: log,
	})
	if e, ok := errors.AsType[*mirror.Error](err); ok {
		return nil, sdk.Diagnostic{Path: e.Side, Summary: e.Error()}
	}
	return m, err
}

// Limits that are not those of S3.
const (
	maxConcurrency = 256
	muchMemory     = 1 << 30
)

// check finds what the schema cannot.
func check(s settings) []sdk.Diagnostic {
	var ds sdk.Diagnostics
	s.Source.Check(&ds, "source.")
	s.Destination.Check(&ds, "destination.")
	if s.Source.Bucket != "" && mirror.Overlap(s.Source, s.Destination.Side) {
		ds.Add("destination.bucket", "source and destination are the same place: the mirror would copy its own copies",
			"Use another bucket, or prefixes of which neither begins with the other.")
	}
	s.checkLimits(&ds)
	return ds
}

func (s settings) checkLimits(ds *sdk.Diagnostics) {
	if s.Concurrency < 1 || s.Concurrency > maxConcurrency {
		ds.Add("concurrency", fmt.Sprintf("want 1 to %d", maxConcurrency), "")
	}
	size, err := parseSize(s.PartSize)
	switch {
	case err != nil:
		ds.Add("part_size", err.Error(), "")
	case size < mirror.MinPartSize || size > mirror.MaxPartSize:
		ds.Add("part_size", "S3 has parts of 5MiB to 5GiB", "")
	case size*int64(max(s.Concurrency, 1)) > muchMemory:
		ds.Warn("part_size", fmt.Sprintf("with concurrency = %d, this can need %d MiB of memory", s.Concurrency, size*int64(s.Concurrency)>>20),
			"Objects of up to 10,000 parts have parts of this size; bigger objects have bigger parts.")
	}
	if _, err := parseSize(s.Bandwidth); err != nil {
		ds.Add("bandwidth", err.Error(), "")
	}
}

var errSize = errors.New(`want a size such as "8MiB"; units are B, KiB, MiB, GiB, TiB, and KB, MB, GB, TB for powers of 1000`)

// parseSize reads "8MiB", "1.5 GiB" or "1000" into bytes.
func parseSize(text string) (int64, error) {
	n, err := humanize.ParseBytes(strings.TrimSpace(text))
	if err != nil || n > math.MaxInt64 {
		return 0, errSize
	}
	return int64(n), nil
}
