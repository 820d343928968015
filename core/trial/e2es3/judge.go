package e2es3

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/trial/testbed"
	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// verdict is the result of the test.
type verdict struct {
	ops, conflicts, events, duplicates, retries, kills int64
	done, dead, pending, again, unfinished             int
	differences                                        s3test.Differences
	deadLetters                                        []string // of the first dead letters
}

// shown bounds the dead letters, and the differences, that are printed.
const shown = 20

func (v verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "operations %d (%d conflicts)  events %d  duplicates %d  retries %d  kills %d\n", v.ops, v.conflicts, v.events, v.duplicates, v.retries, v.kills)
	fmt.Fprintf(&b, "deliveries: done %d (%d of them after a retry)  dead %d  pending %d\n", v.done, v.again, v.dead, v.pending)
	fmt.Fprintf(&b, "unfinished uploads at the destination %d\n", v.unfinished)
	fmt.Fprintf(&b, "differences %d", len(v.differences))
	for _, line := range append(v.deadLetters, v.differences[:min(shown, len(v.differences))]...) {
		fmt.Fprintf(&b, "\n  %s", line)
	}
	return b.String()
}

// complaint returns the first failed check.
func (v verdict) complaint() error {
	switch {
	case len(v.differences) > 0:
		return fmt.Errorf("%d keys differ", len(v.differences))
	case v.dead > 0:
		return fmt.Errorf("%d dead letters", v.dead)
	case v.pending > 0:
		return fmt.Errorf("%d deliveries are still pending", v.pending)
	case v.unfinished > 0 && v.kills == 0:
		return fmt.Errorf("%d uploads were neither completed nor aborted, although nothing was killed", v.unfinished)
	case v.done == 0:
		return errors.New("nothing was delivered")
	}
	return nil
}

// judge reads the journal, after the end of the router, and lets rclone compare the buckets.
func (s *site) judge(ctx context.Context, o options, load *workload) (verdict, error) {
	v := verdict{
		ops: load.done.Load(), conflicts: load.conflicts.Load(), kills: int64(2 * o.kills),
		events: s.proxy.events.Load(), duplicates: s.proxy.duplicates.Load(), retries: s.proxy.retries.Load(),
	}
	for d, err := range testbed.Deliveries(ctx, s.router.Journal()) {
		if err != nil {
			return verdict{}, err
		}
		v.count(d)
	}
	var err error
	if v.unfinished, err = unfinished(ctx, s.destination, load.keys); err != nil {
		return verdict{}, err
	}
	v.differences, err = s3test.Compare(ctx, s.from(), s.to())
	return v, err
}

func (v *verdict) count(d journal.DeliveryRecord) {
	switch d.State {
	case journal.StateDone:
		if v.done++; d.Attempts > 1 {
			v.again++
		}
	case journal.StatePending:
		v.pending++
	case journal.StateDead:
		if v.dead++; v.dead <= shown {
			v.deadLetters = append(v.deadLetters, fmt.Sprintf("dead letter %s of %s: %s: %s", d.ID, d.OrderKey, d.Reason, d.Error))
		}
	}
}

// unfinished counts multipart uploads that were neither completed nor aborted. MinIO lists only those of the exact key in the prefix.
func unfinished(ctx context.Context, s *s3test.Server, keys []string) (n int, err error) {
	for _, key := range keys {
		out, err := s.Client().ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: aws.String(target), Prefix: &key})
		if err != nil {
			return 0, fmt.Errorf("list unfinished uploads: %w", err)
		}
		for _, u := range out.Uploads {
			if aws.ToString(u.Key) == key {
				n++
			}
		}
	}
	return n, nil
}
