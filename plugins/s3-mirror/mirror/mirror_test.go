package mirror

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is two buckets and the mirror between them.
type pair struct {
	*Mirror
	t        testing.TB
	from, to *s3test.Server
	log      *bytes.Buffer
}

const (
	sourceBucket      = "main"
	destinationBucket = "backup"
)

func sideOf(s *s3test.Server, bucket string) Side {
	return Side{
		Endpoint: s.Endpoint, Bucket: bucket,
		Account: amazon.Account{Region: s.Region, AccessKey: s.AccessKey, SecretKey: schema.NewSecret(s.SecretKey)},
	}
}

// newPair makes the buckets and a mirror with a changed configuration.
func newPair(t testing.TB, from, to *s3test.Server, change func(*Config)) *pair {
	t.Helper()
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(t.Name()))
	name = name[max(0, len(name)-40):]
	p := &pair{t: t, from: from, to: to, log: &bytes.Buffer{}}
	c := Config{
		Source: sideOf(from, sourceBucket+"-"+name), Destination: Destination{Side: sideOf(to, destinationBucket+"-"+name)}, Deletes: true,
		Log: slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&c)
	}
	createBucket(t, from, c.Source.Bucket)
	createBucket(t, to, c.Destination.Bucket)
	p.Mirror = newMirror(t, c)
	return p
}

func newMirror(t testing.TB, c Config) *Mirror {
	t.Helper()
	c.backoff = time.Millisecond
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	m.resumeDelay = 1
	return m
}

func createBucket(t testing.TB, s *s3test.Server, name string) {
	t.Helper()
	if _, err := s.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
}

func (p *pair) put(key string, body []byte, more ...func(*s3.PutObjectInput)) *s3.PutObjectOutput {
	p.t.Helper()
	in := &s3.PutObjectInput{Bucket: &p.config.Source.Bucket, Key: &key, Body: bytes.NewReader(body)}
	for _, f := range more {
		f(in)
	}
	out, err := p.from.Client().PutObject(p.t.Context(), in)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

func (p *pair) delete(key string, version *string) *s3.DeleteObjectOutput {
	p.t.Helper()
	out, err := p.from.Client().DeleteObject(p.t.Context(), &s3.DeleteObjectInput{Bucket: &p.config.Source.Bucket, Key: &key, VersionId: version})
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// converge fails the test unless the action is as wanted.
func (p *pair) converge(key string, want Action) Result {
	p.t.Helper()
	r, err := p.Converge(p.t.Context(), key, Hint{})
	if err != nil {
		p.t.Fatalf("%q: %v", key, err)
	}
	if r.Action != want {
		p.t.Fatalf("%q: %v, want %s", key, r, want)
	}
	return r
}

// same fails the test unless the destination has the source's object with its attributes and tags.
func (p *pair) same(key string) {
	p.t.Helper()
	a, aBody := read(p.t, p.from, p.config.Source.Bucket, key)
	b, bBody := read(p.t, p.to, p.config.Destination.Bucket, p.DestinationKey(key))
	if a == nil || b == nil {
		p.t.Fatalf("%q: at the source: %t, at the destination: %t", key, a != nil, b != nil)
	}
	if !bytes.Equal(aBody, bBody) {
		p.t.Errorf("%q: %d bytes became %d other bytes", key, len(aBody), len(bBody))
	}
	if strings.HasSuffix(key, "/") {
		a["type"] = b["type"] // versitygw sets its own
	}
	if diff := cmp.Diff(a, b); diff != "" {
		p.t.Errorf("%q: %s", key, diff)
	}
}

// gone fails the test if the destination has the object.
func (p *pair) gone(key string) {
	p.t.Helper()
	if b, _ := read(p.t, p.to, p.config.Destination.Bucket, p.DestinationKey(key)); b != nil {
		p.t.Errorf("%q is at the destination", key)
	}
}

// read returns nil if there is no such object.
func read(t testing.TB, s *s3test.Server, bucket, key string) (map[string]string, []byte) {
	t.Helper()
	out, err := s.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := map[string]string{
		"type": aws.ToString(out.ContentType), "encoding": aws.ToString(out.ContentEncoding), "language": aws.ToString(out.ContentLanguage),
		"disposition": aws.ToString(out.ContentDisposition), "cache": aws.ToString(out.CacheControl), "expires": aws.ToString(out.ExpiresString),
		"redirect": aws.ToString(out.WebsiteRedirectLocation),
	}
	for k, v := range out.Metadata {
		a["meta "+k] = v
	}
	tags, err := s.Client().GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &bucket, Key: &key})
	if err != nil && responseOf(err).Code != "NoSuchTagSet" {
		t.Fatal(err)
	}
	if err == nil {
		for _, tag := range tags.TagSet {
			a["tag "+*tag.Key] = *tag.Value
		}
	}
	return a, body
}

// noUploads fails the test if there is an unfinished multipart upload.
func (p *pair) noUploads() {
	p.t.Helper()
	out, err := p.to.Client().ListMultipartUploads(context.WithoutCancel(p.t.Context()), &s3.ListMultipartUploadsInput{Bucket: &p.config.Destination.Bucket})
	if err != nil {
		p.t.Fatal(err)
	}
	if len(out.Uploads) > 0 {
		p.t.Errorf("%d unfinished multipart uploads", len(out.Uploads))
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

func attributed(in *s3.PutObjectInput) {
	in.ContentType, in.ContentEncoding, in.ContentLanguage = aws.String("text/plain; charset=utf-8"), aws.String("gzip"), aws.String("de")
	in.ContentDisposition, in.CacheControl = aws.String(`attachment; filename="a b.txt"`), aws.String("max-age=60")
	in.Metadata = map[string]string{"colour": "red & blue", "mtime": "1700000000.5"}
	in.Tagging = aws.String("stage=test&owner=a+b%2Bc")
}

func TestMinIOToVersityGW(t *testing.T) {
	t.Parallel()
	from, to := s3test.MinIO(t, nil), s3test.VersityGW(t, s3test.VersityOptions{Versioning: true})
	testServers(t, from, to)
	t.Run("64 MiB", func(t *testing.T) {
		p := newPair(t, from, to, nil)
		p.put("k", random(64<<20), attributed)
		p.converge("k", Copied)
		p.same("k")
	})
}

func TestVersityGWToMinIO(t *testing.T) {
	t.Parallel()
	testServers(t, s3test.VersityGW(t, s3test.VersityOptions{Versioning: true}), s3test.MinIO(t, nil))
}

func TestWithinMinIO(t *testing.T) {
	t.Parallel()
	s := s3test.MinIO(t, nil)
	testServers(t, s, s)
}

// testServers runs the tests that must pass with any two servers.
func testServers(t *testing.T, from, to *s3test.Server) {
	for name, test := range map[string]func(*testing.T, *s3test.Server, *s3test.Server){
		"attributes": testAttributes, "changes": testChanges, "tags": testTags, "keys": testKeys, "parts": testParts, "versions": testVersions,
	} {
		t.Run(name, func(t *testing.T) { test(t, from, to) })
	}
}

func testAttributes(t *testing.T, from, to *s3test.Server) {
	p := newPair(t, from, to, nil)
	p.put("a.txt", []byte("stored bytes, not really gzip"), attributed)
	r := p.converge("a.txt", Copied)
	if r.Bytes != 29 || r.ETag == "" || r.AsOf.IsZero() {
		t.Errorf("got %+v", r)
	}
	p.same("a.txt")
	p.put("plain", []byte("x"))
	p.converge("plain", Copied)
	p.same("plain")
}

func testChanges(t *testing.T, from, to *s3test.Server) {
	p := newPair(t, from, to, nil)
	p.put("k", []byte("one"))
	p.converge("k", Copied)
	p.put("k", []byte("and two"), attributed)
	p.converge("k", Copied)
	p.same("k")
	copyObject(t, p, "k", "k", types.MetadataDirectiveReplace)
	p.converge("k", Copied)
	p.same("k")
	copyObject(t, p, "k", "other", types.MetadataDirectiveCopy)
	p.converge("other", Copied)
	p.same("other")
	p.delete("k", nil)
	p.converge("k", Deleted)
	p.gone("k")
	p.converge("k", Deleted) // repeating it has no effect
	p.same("other")
}

func copyObject(t *testing.T, p *pair, from, to string, directive types.MetadataDirective) {
	t.Helper()
	_, err := p.from.Client().CopyObject(t.Context(), &s3.CopyObjectInput{
		Bucket: &p.config.Source.Bucket, Key: &to, CopySource: aws.String(p.config.Source.Bucket + "/" + from),
		MetadataDirective: directive, Metadata: map[string]string{"shape": "round"}, ContentType: aws.String("text/css"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testTags(t *testing.T, from, to *s3test.Server) {
	p := newPair(t, from, to, nil)
	p.put("k", []byte("one"), attributed)
	sync := func(want Action) {
		t.Helper()
		r, err := p.SyncTags(t.Context(), "k")
		if err != nil || r.Action != want {
			t.Fatalf("got %v, %v, want %s", r, err, want)
		}
	}
	sync(Copied) // the destination did not have it
	p.same("k")
	_, err := from.Client().PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{
		Bucket: &p.config.Source.Bucket, Key: aws.String("k"),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("stage"), Value: aws.String("final")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	sync(Tagged)
	p.same("k")
	if _, err := from.Client().DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: &p.config.Source.Bucket, Key: aws.String("k")}); err != nil {
		t.Fatal(err)
	}
	sync(Tagged)
	p.same("k")
	p.delete("k", nil)
	sync(Deleted)
	p.gone("k")
}

func testKeys(t *testing.T, from, to *s3test.Server) {
	p := newPair(t, from, to, nil)
	for _, key := range []string{
		"a b", "a+b", "100%", "100%25", "a%2Fb", "ünï/猫.txt", `it's "quoted"`, "q?x=1&y#z", "a;b,c:d@e=f$g!h*(i)", "~tilde", "<&>", "tab\tin",
	} {
		p.put(key, []byte(key), attributed)
		p.converge(key, Copied)
		p.same(key)
		p.delete(key, nil)
		p.converge(key, Deleted)
		p.gone(key)
	}
	for _, key := range []string{"empty", "folder/", "folder/inside"} {
		var body []byte
		if key == "folder/inside" {
			body = []byte(key)
		}
		p.put(key, body)
		p.converge(key, Copied)
		p.same(key)
	}
}

func testParts(t *testing.T, from, to *s3test.Server) {
	p := newPair(t, from, to, func(c *Config) { c.PartSize, c.Concurrency = MinPartSize, 3 })
	for key, size := range map[string]int64{"one": MinPartSize, "two": MinPartSize + 1, "many": 4*MinPartSize + 3} {
		p.put(key, random(int(size)), attributed)
		if r := p.converge(key, Copied); r.Bytes != size {
			t.Errorf("%s: got %v", key, r)
		}
		p.same(key)
	}
	p.noUploads()
}

func testVersions(t *testing.T, from, to *s3test.Server) {
	p := newPair(t, from, to, nil)
	_, err := from.Client().PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &p.config.Source.Bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	first := p.put("k", []byte("one"))
	second := p.put("k", []byte("two"))
	p.converge("k", Copied)
	p.same("k")
	marker := p.delete("k", nil)
	p.converge("k", Deleted)
	p.gone("k")
	p.delete("k", marker.VersionId) // undelete: the event says removed
	p.converge("k", Copied)
	p.same("k")
	p.delete("k", first.VersionId) // an old version is purged
	p.converge("k", Copied)
	p.same("k")
	p.delete("k", second.VersionId)
	p.converge("k", Deleted)
	p.gone("k")
}
