package benchs3

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// reconcile copies with the plugin's reconcile command, which lists both buckets and finds the destination empty.
func (b *bench) reconcile(ctx context.Context, from, to string) (time.Duration, error) {
	settings, err := json.Marshal(map[string]any{
		"source": side(b.source, from), "destination": side(b.destination, to), "concurrency": b.concurrency,
	})
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "pointsman-plugin-s3-mirror"), "reconcile", "--settings", "-")
	cmd.Stdin = bytes.NewReader(settings)
	return timed(cmd)
}

func side(s *s3test.Server, bucket string) map[string]any {
	return map[string]any{"endpoint": s.Endpoint, "bucket": bucket, "access_key": s.AccessKey, "secret_key": s.SecretKey}
}
