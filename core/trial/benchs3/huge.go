package benchs3

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/pointsman/pointsman/core/trial/s3bed"
	"github.com/pointsman/pointsman/core/trial/testbed"
)

// memoryLimit bounds the memory of the plugin, whatever the size of the object.
const memoryLimit = 128 * mib

// hugeObject mirrors one huge object and fails if the peak memory of the plugin's process exceeds the limit.
func (b *bench) hugeObject(ctx context.Context) error {
	if b.huge == 0 {
		return nil
	}
	if short, err := b.noRoom(); err != nil || short != "" {
		fmt.Println("\none huge object: left out,", short)
		return err
	}
	l := load{objects: 1, size: b.huge}
	if err := b.fill(ctx, "huge", l); err != nil {
		return err
	}
	if err := s3bed.CreateBucket(ctx, b.destination, "huge"); err != nil {
		return err
	}
	var peak int64
	took, err := b.mirrored(ctx, "huge", "huge", func(r *testbed.Router) error {
		now, err := pluginPeak(r)
		peak = max(peak, now) // the router may have restarted the plugin
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("\none huge object: %s in %.1f s, %.0f MB/s; peak memory of the plugin's process %.1f MiB\n",
		bytesText(b.huge), took.Seconds(), float64(b.huge)/1e6/took.Seconds(), float64(peak)/mib)
	if _, size, err := contents(ctx, b.destination, "huge"); err != nil || size != b.huge {
		return errors.Join(err, fmt.Errorf("the destination holds %s", bytesText(size)))
	}
	if peak > memoryLimit {
		return fmt.Errorf("the plugin used %s of memory, more than %s", bytesText(peak), bytesText(memoryLimit))
	}
	return nil
}

func pluginPeak(r *testbed.Router) (int64, error) {
	pid, err := r.Plugin("s3-mirror")
	if err != nil {
		return 0, err
	}
	return testbed.PeakMemory(pid)
}

// noRoom returns why the disk cannot hold the object three times, or "". The source holds it once, the destination twice while it
// assembles the parts.
func (b *bench) noRoom() (string, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(b.dir, &disk); err != nil {
		return "", err
	}
	free, want := int64(disk.Bavail)*disk.Bsize, 3*b.huge+gib
	if free >= want {
		return "", nil
	}
	return fmt.Sprintf("it needs %s of free space in %s, which has %d GiB", bytesText(want), b.dir, free/gib), nil
}
