package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/pointsman/pointsman/core/journal"
)

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{Metrics: NewMetrics(reg), MaxBytes: 1 << 30})
	dead := testEntry("dead")
	dead.Deliveries[0].Dead = "no"
	if _, err := j.Append(t.Context(), journal.Disk, []journal.Entry{testEntry("a"), testEntry("b"), dead}); err != nil {
		t.Fatal(err)
	}
	ds, err := j.Claim(t.Context(), "ops", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Settle(t.Context(), []journal.Settlement{{Seq: ds[0].Seq, Outcome: journal.Retry}}); err != nil {
		t.Fatal(err)
	}
	for seen := false; !seen; {
		ds, err := j.Claim(t.Context(), "ops", 10)
		if err != nil {
			t.Fatal(err)
		}
		seen = ds[0].Attempt == 2
	}
	want := `
# HELP pointsman_dlq_events Dead letters.
# TYPE pointsman_dlq_events gauge
pointsman_dlq_events{plugin="ops"} 1
# HELP pointsman_queue_limit_bytes Content at which the journal refuses events.
# TYPE pointsman_queue_limit_bytes gauge
pointsman_queue_limit_bytes 1.073741824e+09
# HELP pointsman_queue_pending Pending deliveries.
# TYPE pointsman_queue_pending gauge
pointsman_queue_pending{plugin="ops"} 2
# HELP pointsman_queue_redelivered_total Deliveries claimed again after a failed attempt.
# TYPE pointsman_queue_redelivered_total counter
pointsman_queue_redelivered_total 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "pointsman_dlq_events", "pointsman_queue_limit_bytes",
		"pointsman_queue_pending", "pointsman_queue_redelivered_total"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{
		"pointsman_queue_append_duration_seconds", "pointsman_queue_fsync_duration_seconds", "pointsman_queue_bytes",
		"pointsman_queue_oldest_age_seconds", "pointsman_dlq_oldest_age_seconds",
	} {
		if n, err := testutil.GatherAndCount(reg, name); n != 1 || err != nil {
			t.Errorf("%s: %d series, %v", name, n, err)
		}
	}
}
