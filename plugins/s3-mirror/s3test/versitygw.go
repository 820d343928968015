package s3test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// VersityOptions configure a versitygw.
type VersityOptions struct {
	// WebhookURL receives the events of all buckets, each once: a refused one is lost.
	WebhookURL string
	// Versioning makes versioned buckets possible; a bucket is versioned once PutBucketVersioning says so.
	Versioning bool
	// KeepAlive keeps connections open between requests, as other stores do by default.
	KeepAlive bool
}

// VersityGW starts a versitygw that stops at the end of the test.
func VersityGW(t testing.TB, o VersityOptions) *Server {
	t.Helper()
	testenv.Need(t, testenv.VersityGW)
	s, err := StartVersityGW(t.Context(), t.TempDir(), o)
	return started(t, s, err)
}

// StartVersityGW starts a versitygw that keeps its data below dir, and waits until it is healthy. ctx bounds the wait only.
func StartVersityGW(ctx context.Context, dir string, o VersityOptions) (*Server, error) {
	path, err := testenv.Cached("servers/versitygw")
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, versions := filepath.Join(dir, "root"), filepath.Join(dir, "versions")
	return launch(ctx, func(s *Server) error {
		args := []string{"--port", strings.TrimPrefix(s.Endpoint, "http://"), "--health", "/health", "--region", s.Region, "--quiet"}
		if o.WebhookURL != "" {
			args = append(args, "--event-webhook-url", o.WebhookURL)
		}
		if o.KeepAlive {
			args = append(args, "--keep-alive")
		}
		args = append(args, "posix")
		if o.Versioning {
			args = append(args, "--versioning-dir", versions)
		}
		s.program = program{
			path: path, dir: dir, health: s.Endpoint + "/health", args: append(args, root),
			env: append(environment(dir), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey),
		}
		for _, folder := range []string{root, versions} {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
		return nil
	})
}
