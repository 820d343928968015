package s3test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// Webhook is where MinIO posts the events of the buckets that Server.Notify was called for.
type Webhook struct {
	URL string
	// Token is sent as "Authorization: Bearer <token>", unless it has a scheme of its own.
	Token string
	// QueueDir lets MinIO queue events on disk and retry them in order. It reads the queue every 3 s, so events are late.
	// Without a queue, events are sent at once, and a refused one is lost.
	QueueDir bool
}

// MinIO starts a MinIO that stops at the end of the test. Without a webhook it sends no events.
func MinIO(t testing.TB, w *Webhook) *Server {
	t.Helper()
	testenv.Need(t, testenv.MinIO)
	s, err := StartMinIO(t.Context(), t.TempDir(), w)
	return started(t, s, err)
}

// StartMinIO starts a MinIO that keeps its data below dir, and waits until it is healthy. ctx bounds the wait only.
func StartMinIO(ctx context.Context, dir string, w *Webhook) (*Server, error) {
	path, err := testenv.Cached("servers/minio")
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return launch(ctx, func(s *Server) error {
		address := strings.TrimPrefix(s.Endpoint, "http://")
		s.program = program{
			path: path, dir: dir, health: s.Endpoint + "/minio/health/ready",
			args: []string{"server", "--address", address, "--certs-dir", filepath.Join(dir, "certs"), filepath.Join(dir, "data")},
			env: append(
				environment(dir), "MINIO_ROOT_USER="+s.AccessKey, "MINIO_ROOT_PASSWORD="+s.SecretKey, "MINIO_BROWSER=off",
				"MINIO_REGION="+s.Region,
			),
		}
		if w != nil {
			s.targetARN = "arn:minio:sqs:" + s.Region + ":A:webhook"
			s.program.env = append(s.program.env, w.environment(dir)...)
		}
		return os.MkdirAll(filepath.Join(dir, "data"), 0o755)
	})
}

func (w *Webhook) environment(dir string) []string {
	env := []string{
		"MINIO_NOTIFY_WEBHOOK_ENABLE_A=on", "MINIO_NOTIFY_WEBHOOK_ENDPOINT_A=" + w.URL, "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_A=" + w.Token,
	}
	if w.QueueDir {
		env = append(env, "MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_A="+filepath.Join(dir, "queue"), "MINIO_NOTIFY_WEBHOOK_QUEUE_LIMIT_A=100000")
	}
	return env
}

// environment returns the environment of a server, without MINIO_ and AWS_ variables of the user who runs the tests.
func environment(dir string) []string {
	return []string{"HOME=" + dir, "TMPDIR=" + os.TempDir(), "PATH=" + os.Getenv("PATH")}
}

// Notify lets MinIO send the bucket's events of created, removed and tagged objects to the webhook. versitygw needs no such
// configuration: it sends the events of all buckets.
func (s *Server) Notify(ctx context.Context, bucket string) error {
	if s.targetARN == "" {
		return nil
	}
	in := &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String(bucket),
		NotificationConfiguration: &types.NotificationConfiguration{
			QueueConfigurations: []types.QueueConfiguration{{
				QueueArn: aws.String(s.targetARN),
				// For MinIO, changes of tags are ObjectCreated.
				Events: []types.Event{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"},
			}},
		},
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := s.client.PutBucketNotificationConfiguration(ctx, in)
		// MinIO reports healthy shortly before it has set up its webhooks.
		if err == nil || !strings.Contains(err.Error(), "destination ARN does not exist") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
