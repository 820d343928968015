package benchs3

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pointsman/pointsman/core/trial/s3bed"
)

// load describes the objects of one measurement.
type load struct {
	objects, size int64
	unit          string
	per           float64 // units in the whole load
}

// contender is one way to copy the bucket from into the empty bucket to. copy returns the time it took.
type contender struct {
	name string
	copy func(ctx context.Context, from, to string) (time.Duration, error)
}

// compare fills a bucket and lets the contenders copy it in turn. Each round starts with another contender.
func (b *bench) compare(ctx context.Context, title, from string, contenders []contender, l load) error {
	if err := b.fill(ctx, from, l); err != nil {
		return err
	}
	fmt.Printf("\n%s: %d of %s, %s\n%8s", title, l.objects, bytesText(l.size), l.unit, "round")
	for _, c := range contenders {
		fmt.Printf("  %10s", c.name)
	}
	fmt.Println("  ratio to rclone")
	rates := make([][]float64, len(contenders))
	for round := range b.rounds {
		for turn := range contenders {
			i := (round + turn) % len(contenders)
			took, err := b.measure(ctx, contenders[i], from, fmt.Sprintf("%s-%s-%d", from, contenders[i].name, round), l)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", contenders[i].name, round+1, err)
			}
			rates[i] = append(rates[i], l.per/took.Seconds())
		}
		line(fmt.Sprint(round+1), contenders, pick(rates, func(r []float64) float64 { return r[round] }))
	}
	line("best", contenders, pick(rates, slices.Max))
	line("median", contenders, pick(rates, median))
	return b.empty(ctx, b.source, from)
}

// measure lets one contender copy into a new bucket, checks that the copy is complete, and empties the bucket.
func (b *bench) measure(ctx context.Context, c contender, from, to string, l load) (time.Duration, error) {
	if err := s3bed.CreateBucket(ctx, b.destination, to); err != nil {
		return 0, err
	}
	syscall.Sync() // or the disk would still write the previous copy
	took, err := c.copy(ctx, from, to)
	if err != nil {
		return 0, err
	}
	objects, size, err := contents(ctx, b.destination, to)
	if err != nil {
		return 0, err
	}
	if objects != l.objects || size != l.objects*l.size {
		return 0, fmt.Errorf("copied %d objects with %s in total, want %d with %s", objects, bytesText(size), l.objects, bytesText(l.objects*l.size))
	}
	return took, b.empty(ctx, b.destination, to)
}

// line prints one row: the rates, and the ratio of each other contender to rclone.
func line(name string, contenders []contender, rates []float64) {
	var b strings.Builder
	fmt.Fprintf(&b, "%8s", name)
	for _, r := range rates {
		fmt.Fprintf(&b, "  %10.0f", r)
	}
	rclone := slices.IndexFunc(contenders, func(c contender) bool { return c.name == "rclone" })
	for i, r := range rates {
		if i != rclone {
			fmt.Fprintf(&b, "  %s %.2f", contenders[i].name, r/rates[rclone])
		}
	}
	fmt.Println(b.String())
}

func pick(rates [][]float64, by func([]float64) float64) []float64 {
	out := make([]float64, len(rates))
	for i, r := range rates {
		out[i] = by(r)
	}
	return out
}

func median(rates []float64) float64 {
	sorted := slices.Sorted(slices.Values(rates))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func bytesText(n int64) string {
	switch {
	case n >= gib && n%gib == 0:
		return fmt.Sprintf("%d GiB", n/gib)
	case n >= mib && n%mib == 0:
		return fmt.Sprintf("%d MiB", n/mib)
	case n >= kib && n%kib == 0:
		return fmt.Sprintf("%d KiB", n/kib)
	}
	return fmt.Sprintf("%d B", n)
}
