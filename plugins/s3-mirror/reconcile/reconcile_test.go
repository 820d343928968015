package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
	"github.com/pointsman/pointsman/plugins/s3-mirror/reconcile"
)

func TestReconcile(t *testing.T) {
	s := start(t)
	t.Run("thousand", s.thousand)
	t.Run("extra", s.extra)
	t.Run("odd keys", s.oddKeys)
	t.Run("prefixes", s.prefixes)
	t.Run("parts", s.parts)
	t.Run("metadata", s.metadata)
	t.Run("changes", s.changes)
	t.Run("interrupted", s.interrupted)
	t.Run("failures", s.failures)
}

func (s servers) thousand(t *testing.T) {
	p := s.pair(t, "thousand", "", "")
	key := func(i int) string { return fmt.Sprintf("%d/%d", i%7, i) }
	each(t, 1000, func(ctx context.Context, i int) error { return put(ctx, p.from, key(i), "body of "+key(i)) })
	expect(t, p.run(t, nil), "missing 1000, different 0, extra 0: repaired 1000, deleted 0, failed 0, left 0, unchanged 0")
	each(t, 150, func(ctx context.Context, i int) error {
		if i < 100 {
			return remove(ctx, p.to, key(i))
		}
		return put(ctx, p.to, key(i), strings.Repeat("x", len("body of "+key(i)))) // same size
	})

	var steps []reconcile.Step
	dry := p.run(t, func(o *reconcile.Options) {
		o.DryRun, o.Report = true, func(s reconcile.Step) { steps = append(steps, s) }
	})
	expect(t, dry, "missing 100, different 50, extra 0: repaired 0, deleted 0, failed 0, left 150, unchanged 850")
	if len(steps) != 150 {
		t.Errorf("%d steps", len(steps))
	}
	got := p.run(t, nil)
	expect(t, got, "missing 100, different 50, extra 0: repaired 150, deleted 0, failed 0, left 0, unchanged 850")
	if got.Source != 1000 || got.Destination != 900 {
		t.Errorf("listed %d and %d", got.Source, got.Destination)
	}
	expect(t, p.run(t, nil), "missing 0, different 0, extra 0: repaired 0, deleted 0, failed 0, left 0, unchanged 1000")
	p.same(t)
}

func (s servers) extra(t *testing.T) {
	p := s.pair(t, "extra", "", "")
	mustPut(t, p.from, "b", "1")
	for _, key := range []string{"a", "b", "c", "tmp/x"} {
		mustPut(t, p.to, key, "1")
	}
	p.config.Exclude = []string{"tmp/*"}
	got := p.run(t, nil)
	expect(t, got, "missing 0, different 0, extra 2: repaired 0, deleted 0, failed 0, left 2, unchanged 1")
	if got.Ignored != 1 || !exists(t, p.to, "a") {
		t.Errorf("ignored %d, or a is gone", got.Ignored)
	}
	p.config.Deletes = true
	expect(t, p.run(t, func(o *reconcile.Options) { o.DryRun = true }),
		"missing 0, different 0, extra 2: repaired 0, deleted 0, failed 0, left 2, unchanged 1")
	expect(t, p.run(t, nil), "missing 0, different 0, extra 2: repaired 0, deleted 2, failed 0, left 0, unchanged 1")
	if exists(t, p.to, "a") || !exists(t, p.to, "tmp/x") {
		t.Error("a is not gone, or what the filters leave out is")
	}
	mustRemove(t, p.from, "b")
	if _, err := p.prepare(t, nil).Do(t.Context()); err == nil || !strings.Contains(err.Error(), "--empty-source") || !exists(t, p.to, "b") {
		t.Errorf("an empty source: %v", err)
	}
	expect(t, p.run(t, func(o *reconcile.Options) { o.EmptySource = true }),
		"missing 0, different 0, extra 1: repaired 0, deleted 1, failed 0, left 0, unchanged 0")
}

// oddKeys are hard to escape, sort or split.
func (s servers) oddKeys(t *testing.T) {
	p := s.pair(t, "odd", "", "")
	keys := []string{
		"a b", "a+b", "a%2Fb", "a%b", "ü/日本語", "\U0001F600", "\uFFFD", "folder/", "q?x=1&y", `it's "quoted" #1`, "dir/.hidden",
		"d/x", "d-x", "d.x", "d0", "d x", "d!x", "d/y/z", "d/y-z", "tab\tin", "*", "[x]", "back\\slash", "<&>",
	}
	for _, key := range keys {
		body := key
		if strings.HasSuffix(key, "/") {
			body = ""
		}
		mustPut(t, p.from, key, body)
	}
	n := len(keys)
	expect(t, p.run(t, nil), fmt.Sprintf("missing %d, different 0, extra 0: repaired %d, deleted 0, failed 0, left 0, unchanged 0", n, n))
	expect(t, p.run(t, func(o *reconcile.Options) { o.Metadata = true }),
		fmt.Sprintf("missing 0, different 0, extra 0: repaired 0, deleted 0, failed 0, left 0, unchanged %d", n))
	p.same(t)
}

func (s servers) prefixes(t *testing.T) {
	p := s.pair(t, "prefixes", "in/", "deep/copy/")
	for _, key := range []string{"a", "x/b", "x/c"} {
		mustPut(t, p.from, key, key)
	}
	outside := p.to
	outside.Prefix = ""
	mustPut(t, outside, "deep/other", "not ours")
	p.config.Deletes = true
	expect(t, p.run(t, func(o *reconcile.Options) { o.Prefix = "in/x/" }),
		"missing 2, different 0, extra 0: repaired 2, deleted 0, failed 0, left 0, unchanged 0")
	expect(t, p.run(t, nil), "missing 1, different 0, extra 0: repaired 1, deleted 0, failed 0, left 0, unchanged 2")
	p.same(t)
	if !exists(t, outside, "deep/other") {
		t.Error("an object outside of the prefix is gone")
	}
	if _, err := reconcile.New(reconcile.Options{Source: reconcile.Side{Prefix: "in/"}, Prefix: "out/"}); err == nil {
		t.Error("a prefix outside of the source's is taken")
	}
}

// parts compares objects whose ETags come from different part sizes.
func (s servers) parts(t *testing.T) {
	p := s.pair(t, "parts", "", "")
	body := strings.Repeat("0123456789abcdef", 1<<20/16*6) // 6 MiB: two parts
	mustPut(t, p.from, "big", body)
	expect(t, p.run(t, nil), "missing 1, different 0, extra 0: repaired 1, deleted 0, failed 0, left 0, unchanged 0")
	expect(t, p.run(t, nil), "missing 0, different 0, extra 0: repaired 0, deleted 0, failed 0, left 0, unchanged 1")
	checksum := func(o *reconcile.Options) { o.Checksum = true }
	expect(t, p.run(t, checksum), "missing 0, different 0, extra 0: repaired 0, deleted 0, failed 0, left 0, unchanged 1")

	copied := modified(t, p.to, "big")
	for !modified(t, p.from, "big").After(copied) { // versitygw has whole seconds
		mustPut(t, p.from, "big", "X"+body[1:])
	}
	expect(t, p.run(t, func(o *reconcile.Options) { o.DryRun = true }),
		"missing 0, different 1, extra 0: repaired 0, deleted 0, failed 0, left 1, unchanged 0")
	expect(t, p.run(t, checksum), "missing 0, different 1, extra 0: repaired 1, deleted 0, failed 0, left 0, unchanged 0")
	p.same(t)
}

func (s servers) metadata(t *testing.T) {
	p := s.pair(t, "metadata", "", "")
	for _, key := range []string{"same", "type", "user", "tags", "cache"} {
		mustPut(t, p.from, key, "1", func(in *s3.PutObjectInput) {
			in.Metadata, in.Tagging = map[string]string{"colour": "red"}, aws.String("b=2&a=1")
			in.CacheControl = aws.String("max-age=60")
		})
		mustPut(t, p.to, key, "1", func(in *s3.PutObjectInput) {
			in.Metadata, in.Tagging = map[string]string{"colour": "red"}, aws.String("a=1&b=2")
			in.CacheControl = aws.String("max-age=60")
			switch key {
			case "type":
				in.ContentType = aws.String("text/html")
			case "user":
				in.Metadata["colour"] = "blue"
			case "tags":
				in.Tagging = aws.String("a=1")
			case "cache":
				in.CacheControl = nil
			}
		})
	}
	expect(t, p.run(t, nil), "missing 0, different 0, extra 0: repaired 0, deleted 0, failed 0, left 0, unchanged 5")
	why := map[string]string{}
	got := p.run(t, func(o *reconcile.Options) {
		o.Metadata, o.Report = true, func(s reconcile.Step) { why[s.Key] = s.Why }
	})
	expect(t, got, "missing 0, different 4, extra 0: repaired 4, deleted 0, failed 0, left 0, unchanged 1")
	want := map[string]string{"type": "other Content-Type", "user": "other user metadata", "tags": "other tags", "cache": "other Cache-Control"}
	if d := cmp.Diff(want, why); d != "" {
		t.Error(d)
	}
	p.same(t)
}

// meddling is a mirror that changes the source after a copy.
type meddling struct {
	reconcile.Mirror
	after func(key string)
	times int
}

func (m *meddling) Converge(ctx context.Context, key string, hint mirror.Hint) (mirror.Result, error) {
	r, err := m.Mirror.Converge(ctx, key, hint)
	m.times++
	m.after(key)
	return r, err
}

func (s servers) changes(t *testing.T) {
	p := s.pair(t, "changes", "", "")
	p.config.Deletes = true
	mustPut(t, p.from, "k", "old")
	var m *meddling
	meddle := func(after func(key string)) func(*reconcile.Options) {
		return func(o *reconcile.Options) {
			m = &meddling{Mirror: o.Mirror, after: after}
			o.Mirror = m
		}
	}
	// The object changes once, after it was read.
	got := p.run(t, meddle(func(string) {
		if m.times == 1 {
			mustPut(t, p.from, "k", "new")
		}
	}))
	expect(t, got, "missing 1, different 0, extra 0: repaired 1, deleted 0, failed 0, left 0, unchanged 0")
	p.same(t)
	// An extra object appears at the source before it is deleted, and the router has copied it.
	mustPut(t, p.to, "new", "body")
	got = p.run(t, meddle(func(string) {
		if m.times == 1 {
			mustPut(t, p.from, "new", "body")
		}
	}))
	expect(t, got, "missing 0, different 0, extra 1: repaired 1, deleted 0, failed 0, left 0, unchanged 1")
	p.same(t)
	// The object is deleted.
	mustRemove(t, p.to, "new")
	got = p.run(t, meddle(func(key string) { mustRemove(t, p.from, key) }))
	expect(t, got, "missing 1, different 0, extra 0: repaired 0, deleted 1, failed 0, left 0, unchanged 1")
	p.same(t)
	// The object changes after every copy.
	mustRemove(t, p.to, "k")
	got = p.run(t, meddle(func(key string) { mustPut(t, p.from, key, fmt.Sprint("body ", m.times)) }))
	expect(t, got, "missing 1, different 0, extra 0: repaired 0, deleted 0, failed 1, left 0, unchanged 0")
	if m.times != 3 {
		t.Errorf("converged %d times", m.times)
	}
}

func (s servers) interrupted(t *testing.T) {
	p := s.pair(t, "interrupted", "", "")
	each(t, 20, func(ctx context.Context, i int) error { return put(ctx, p.from, fmt.Sprint(i), "body") })
	ctx, cancel := context.WithCancel(t.Context())
	r := p.prepare(t, func(o *reconcile.Options) {
		o.Workers = 1
		o.Mirror = &meddling{Mirror: o.Mirror, after: func(string) { cancel() }}
	})
	got, err := r.Do(ctx)
	if err == nil || !strings.Contains(err.Error(), "interrupted: ") || !got.Interrupted {
		t.Errorf("%v, %+v", err, got)
	}
	if got.Failed != 0 || got.Repaired > 1 {
		t.Errorf("an interrupted object counts: %+v", got)
	}
	if got = p.run(t, nil); got.Missing < 19 || got.Failed != 0 {
		t.Errorf("%+v", got)
	}
	p.same(t)
}

// refusing is a mirror that always fails.
type refusing struct{ reconcile.Mirror }

func (refusing) Converge(context.Context, string, mirror.Hint) (mirror.Result, error) {
	return mirror.Result{}, errors.New("no")
}

func (s servers) failures(t *testing.T) {
	p := s.pair(t, "failures", "", "")
	each(t, 20, func(ctx context.Context, i int) error { return put(ctx, p.from, fmt.Sprint(i), "body") })
	got := p.run(t, func(o *reconcile.Options) { o.Mirror = refusing{o.Mirror} })
	expect(t, got, "missing 20, different 0, extra 0: repaired 0, deleted 0, failed 20, left 0, unchanged 0")
	if len(got.Failures) != 10 || got.Failures[0].Error != "no" {
		t.Errorf("%+v", got.Failures)
	}
	p.to.Bucket = "nowhere"
	if _, err := p.prepare(t, nil).Do(t.Context()); err == nil || !strings.Contains(err.Error(), `list the destination, bucket "nowhere": NoSuchBucket: `) {
		t.Error(err)
	}
}
