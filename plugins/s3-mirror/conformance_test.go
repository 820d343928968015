package main

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

func sideSettingsOf(s *s3test.Server, bucket string) map[string]any {
	return map[string]any{"endpoint": s.Endpoint, "bucket": bucket, "access_key": s.AccessKey, "secret_key": s.SecretKey}
}

func object(t testing.TB, v map[string]any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func createBucket(t testing.TB, s *s3test.Server, name string) {
	t.Helper()
	if _, err := s.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, s *s3test.Server, bucket, key, body string) {
	t.Helper()
	if _, err := s.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader([]byte(body))}); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, s *s3test.Server, bucket, key string) string {
	t.Helper()
	out, err := s.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
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

// event returns the event that an S3 source makes of a notification.
func event(typ, bucket, key string) *pointsmanv1.Envelope {
	e := plugintest.Event()
	e.Kind, e.Type, e.Subject, e.ReceivedUnixNano = "s3", typ, bucket+"/"+key, time.Now().UnixNano()
	e.Data = &pointsmanv1.Envelope_S3{S3: &pointsmanv1.S3Event{
		EventName: "s3:ObjectCreated:Put", Dialect: "minio", PrincipalId: "somebody", Object: &pointsmanv1.S3Object{Bucket: bucket, Key: key},
	}}
	return e
}

const (
	done   = pluginv1.Outcome_OUTCOME_DONE
	reject = pluginv1.Outcome_OUTCOME_REJECT
	retry  = pluginv1.Outcome_OUTCOME_RETRY
)

func TestConformance(t *testing.T) {
	from, to := s3test.MinIO(t, nil), s3test.VersityGW(t, s3test.VersityOptions{})
	createBucket(t, from, "main")
	createBucket(t, to, "copy")
	put(t, from, "main", "folder/a b.txt", "hello")
	good := map[string]any{"source": sideSettingsOf(from, "main"), "destination": sideSettingsOf(to, "copy")}
	wrong := sideSettingsOf(from, "main")
	wrong["secret_key"] = "canary-wrong-secret"
	plugintest.Run(t, newPlugin(), plugintest.Conformance{
		Settings: object(t, good),
		Failing:  object(t, map[string]any{"source": wrong, "destination": sideSettingsOf(to, "copy")}),
		BadSettings: map[string]string{
			"source.access_key":  `{"source":{"bucket":"a","access_key":"k"},"destination":{"bucket":"b"}}`,
			"destination.bucket": `{"source":{"bucket":"a"},"destination":{"bucket":"a"}}`,
			"part_size":          `{"source":{"bucket":"a"},"destination":{"bucket":"b"},"part_size":"1MiB"}`,
		},
		Arguments: `{"bucket":"main","key":"folder/a b.txt"}`,
		Event:     func() *pointsmanv1.Envelope { return event("s3.object.created", "main", "folder/a b.txt") },
	})
	if got := get(t, to, "copy", "folder/a b.txt"); got != "hello" {
		t.Errorf("got %q", got)
	}
}

func TestBinary(t *testing.T) {
	plugintest.Binary(t, plugintest.Build(t, "."))
}

// The plugin with real servers, from the event to the receipt.
func TestDeliveries(t *testing.T) {
	from, to := s3test.MinIO(t, nil), s3test.VersityGW(t, s3test.VersityOptions{})
	createBucket(t, from, "main")
	createBucket(t, to, "copy")
	destination := sideSettingsOf(to, "copy")
	destination["prefix"] = "from-main/"
	source := sideSettingsOf(from, "main")
	source["prefix"] = "photos/"
	h := plugintest.Start(t, newPlugin(), object(t, map[string]any{
		"source": source, "destination": destination, "deletes": true, "exclude": []string{"*.tmp"}, "bandwidth": "100MiB",
	}))
	put(t, from, "main", "photos/a.png", "pixels")
	put(t, from, "main", "photos/a.tmp", "no")
	for _, c := range []struct {
		event   *pointsmanv1.Envelope
		args    string
		outcome pluginv1.Outcome
		says    string
	}{
		{event("s3.object.created", "main", "photos/a.png"), `{}`, done, "copied 6 bytes, etag"},
		{event("s3.object.tagged", "main", "photos/a.png"), `{}`, done, "tagged: 0 tags"},
		{event("s3.object.created", "main", "photos/a.tmp"), `{}`, done, "skipped: excluded by the prefix"},
		{event("s3.object.created", "main", "other.png"), `{}`, done, "skipped: excluded by the prefix"},
		{event("s3.object.removed", "main", "photos/never"), `{}`, done, "deleted"},
		{plugintest.Event(), `{"key":"photos/a.png"}`, done, "unchanged: mirrored after"},
		{plugintest.Event(), `{}`, reject, "does not set the argument key"},
	} {
		r := h.Deliver(c.event, c.args)[0]
		checkOutcome(t, r, c.outcome, c.says)
	}
	if got := get(t, to, "copy", "from-main/a.png"); got != "pixels" {
		t.Errorf("got %q", got)
	}
	if _, err := from.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("main"), Key: aws.String("photos/a.png")}); err != nil {
		t.Fatal(err)
	}
	checkOutcome(t, h.Deliver(event("s3.object.removed", "main", "photos/a.png"), `{}`)[0], done, "deleted")
}
