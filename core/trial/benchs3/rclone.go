package benchs3

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// rcloneFlags gives rclone the settings of the mirror: the same number of concurrent transfers and parts, the same part size, and no
// check that the bucket exists. It also disables "Expect: 100-continue", which makes rclone much slower here. rclone verifies
// its copies, as it does by default.
func (b *bench) rcloneFlags() string {
	n := strconv.Itoa(b.concurrency)
	return "copy --transfers " + n + " --checkers " + n + " --s3-chunk-size 8M --s3-upload-concurrency " + n + " --s3-no-check-bucket --fast-list --expect-continue-timeout 0"
}

// rclone copies with a new rclone process that takes its configuration from the environment only.
func (b *bench) rclone(ctx context.Context, from, to string) (time.Duration, error) {
	args := append(strings.Fields(b.rcloneFlags()), "--config", "", "a:"+from, "b:"+to)
	cmd := exec.CommandContext(ctx, "rclone", args...)
	cmd.Env = append(os.Environ(), slices.Concat(remote("A", "Minio", b.source), remote("B", "Other", b.destination))...)
	// rclone 1.60 crashes when this variable is set.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "AWS_CA_BUNDLE=") })
	return timed(cmd)
}

func remote(name, provider string, s *s3test.Server) []string {
	prefix := "RCLONE_CONFIG_" + name + "_"
	return []string{
		prefix + "TYPE=s3", prefix + "PROVIDER=" + provider, prefix + "ENDPOINT=" + s.Endpoint, prefix + "REGION=" + s.Region,
		prefix + "ACCESS_KEY_ID=" + s.AccessKey, prefix + "SECRET_ACCESS_KEY=" + s.SecretKey, prefix + "FORCE_PATH_STYLE=true",
	}
}

// timed runs a command and returns its run time.
func timed(cmd *exec.Cmd) (time.Duration, error) {
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", cmd.Path, err, out)
	}
	return took, nil
}
