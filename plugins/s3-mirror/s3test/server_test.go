package s3test_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

func bucket(t *testing.T, s *s3test.Server, name string) {
	t.Helper()
	if _, err := s.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *s3test.Server, in s3.PutObjectInput, body string) {
	t.Helper()
	in.Body = strings.NewReader(body)
	if _, err := s.Client().PutObject(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s *s3test.Server, name, key string) string {
	t.Helper()
	out, err := s.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(name), Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestServers(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) *s3test.Server{
		"minio":     func(t *testing.T) *s3test.Server { return s3test.MinIO(t, nil) },
		"versitygw": func(t *testing.T) *s3test.Server { return s3test.VersityGW(t, s3test.VersityOptions{Versioning: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			bucket(t, s, "main")
			put(t, s, s3.PutObjectInput{Bucket: aws.String("main"), Key: aws.String("a b/ü+%.txt")}, "hello")
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := get(t, s, "main", "a b/ü+%.txt"); got != "hello" {
				t.Errorf("got %q after a restart", got)
			}
		})
	}
}

func TestNotBuilt(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("go.mod", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s3test.StartMinIO(t.Context(), t.TempDir(), nil)
	if err == nil || !strings.Contains(err.Error(), "run `make servers`") {
		t.Errorf("got %v", err)
	}
}

// request is one that the webhook received.
type request struct{ authorization, body string }

func webhook(t *testing.T) (string, <-chan request) {
	t.Helper()
	got := make(chan request, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		got <- request{r.Header.Get("Authorization"), body.String()}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// expect reads requests until one holds the text.
func expect(t *testing.T, got <-chan request, text string) request {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		select {
		case r := <-got:
			if strings.Contains(r.body, text) {
				return r
			}
		case <-ctx.Done():
			t.Fatalf("no request with %s", text)
		}
	}
}

func TestMinIONotifies(t *testing.T) {
	t.Parallel()
	url, got := webhook(t)
	s := s3test.MinIO(t, &s3test.Webhook{URL: url, Token: "s3cr3t"})
	notified(t, s, got, "Bearer s3cr3t", "s3:ObjectCreated:PutTagging")
}

func TestVersityGWNotifies(t *testing.T) {
	t.Parallel()
	url, got := webhook(t)
	s := s3test.VersityGW(t, s3test.VersityOptions{WebhookURL: url})
	notified(t, s, got, "", "s3:ObjectTagging:Put")
}

// notified creates, tags and deletes an object, and expects the events in that order.
func notified(t *testing.T, s *s3test.Server, got <-chan request, authorization, tagged string) {
	t.Helper()
	bucket(t, s, "main")
	if err := s.Notify(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	b, key := aws.String("main"), aws.String("k")
	put(t, s, s3.PutObjectInput{Bucket: b, Key: key}, "hello")
	if first := expect(t, got, `"s3:ObjectCreated:Put"`); first.authorization != authorization {
		t.Errorf("authorization %q, not %q", first.authorization, authorization)
	}
	_, err := s.Client().PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{
		Bucket: b, Key: key,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, got, `"`+tagged+`"`)
	if _, err := s.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: key}); err != nil {
		t.Fatal(err)
	}
	expect(t, got, `"s3:ObjectRemoved:Delete"`)
}
