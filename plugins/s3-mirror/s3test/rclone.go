package s3test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// rclone notes different bytes and metadata, and returns the keys that it compared.
func (c *comparison) rclone(ctx context.Context, keys []string) (map[string]bool, error) {
	var a, b map[string]map[string]string
	var same map[string]bool
	programs, ctx := errgroup.WithContext(ctx)
	programs.Go(func() (err error) { same, err = c.check(ctx); return err })
	programs.Go(func() (err error) { a, err = c.metadata(ctx, "a", c.a); return err })
	programs.Go(func() (err error) { b, err = c.metadata(ctx, "b", c.b); return err })
	if err := programs.Wait(); err != nil {
		return nil, err
	}
	judged := map[string]bool{}
	for _, key := range keys {
		same, checked := same[key]
		_, inA := a[key]
		_, inB := b[key]
		if judged[key] = checked && inA && inB; !judged[key] {
			continue
		}
		if !same {
			c.note(key, "different bytes")
		}
		if !maps.Equal(a[key], b[key]) {
			c.note(key, "metadata %v, not %v", b[key], a[key])
		}
	}
	return judged, nil
}

// check lets rclone download and compare every object that both sides have.
func (c *comparison) check(ctx context.Context) (same map[string]bool, err error) {
	out, err := c.runRclone(ctx, "check", "--download", "--checkers", "16", "--combined", "-", c.a.remote("a"), c.b.remote("b"))
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil // there are differences
	}
	same = map[string]bool{}
	for line := range strings.Lines(string(out)) {
		sign, key, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch sign {
		case "=", "*":
			same[key] = sign == "="
		case "!":
			return nil, fmt.Errorf("rclone could not read %q: %w", key, err)
		}
	}
	return same, err
}

// metadata returns rclone's metadata of every object, without times.
func (c *comparison) metadata(ctx context.Context, remote string, l Location) (map[string]map[string]string, error) {
	out, err := c.runRclone(ctx, "lsjson", "-R", "-M", "--files-only", "--no-modtime", l.remote(remote))
	if err != nil {
		return nil, err
	}
	var list []struct {
		Path, MimeType string
		Metadata       map[string]string
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("output of rclone lsjson: %w", err)
	}
	all := map[string]map[string]string{}
	for _, o := range list {
		for _, name := range []string{"mtime", "btime", "tier"} {
			delete(o.Metadata, name)
		}
		if o.Metadata == nil {
			o.Metadata = map[string]string{}
		}
		o.Metadata["content-type"] = o.MimeType
		all[o.Path] = o.Metadata
	}
	return all, nil
}

func (l Location) remote(name string) string { return name + ":" + l.Bucket + "/" + l.Prefix }

// runRclone runs rclone once. Its configuration is in its environment only: a and b are the two servers.
func (c *comparison) runRclone(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "rclone", append([]string{"--config", "", "--use-server-modtime", "--log-level", "ERROR"}, args...)...)
	cmd.Env = append(os.Environ(), slices.Concat(c.a.Server.rcloneConfig("A"), c.b.Server.rcloneConfig("B"))...)
	// rclone 1.60 fails if AWS_CA_BUNDLE is set.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "AWS_CA_BUNDLE=") })
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("rclone is not installed: run `make test-servers` as root, or apt-get install rclone")
	}
	if err != nil {
		err = fmt.Errorf("rclone %s: %w: %s", args[0], err, stderr.Bytes())
	}
	return out.Bytes(), err
}

func (s *Server) rcloneConfig(remote string) []string {
	prefix := "RCLONE_CONFIG_" + remote + "_"
	return []string{
		prefix + "TYPE=s3", prefix + "PROVIDER=Other", prefix + "ENDPOINT=" + s.Endpoint, prefix + "REGION=" + s.Region,
		prefix + "ACCESS_KEY_ID=" + s.AccessKey, prefix + "SECRET_ACCESS_KEY=" + s.SecretKey,
		prefix + "FORCE_PATH_STYLE=true", prefix + "LIST_VERSION=2",
	}
}
