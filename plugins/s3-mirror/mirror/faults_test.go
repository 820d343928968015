package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

func isObject(r *http.Request, method string) bool {
	return r.Method == method && strings.Count(r.URL.Path, "/") > 1 && !strings.Contains(r.URL.RawQuery, "tagging")
}

// A broken stream is resumed at the same byte of the same version.
func TestResume(t *testing.T) {
	t.Parallel()
	p, from, _ := faultyPair(t, func(c *Config) { c.PartSize = MinPartSize })
	for key, size := range map[string]int{"small": 100_000, "big": 12 << 20} {
		p.put(key, random(size), attributed)
		var ranges []string
		from.set(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if isObject(r, http.MethodGet) && len(ranges) < 3 {
				ranges = append(ranges, r.Header.Get("Range"))
				if len(ranges) == 2 {
					panic(http.ErrAbortHandler) // no response; the SDK retries
				}
				w = &cut{ResponseWriter: w, left: size / 3}
			}
			next.ServeHTTP(w, r)
		})
		p.converge(key, Copied)
		p.same(key)
		if !strings.Contains(p.log.String(), "msg=resumed key="+key) || ranges[1] != fmt.Sprintf("bytes=%d-", size/3) {
			t.Errorf("%s: ranges %q", key, ranges)
		}
	}
	p.noUploads()
}

// If an object changes while its stream is broken, the new version is copied, never a mixture.
func TestChangesWhileBroken(t *testing.T) {
	t.Parallel()
	p, from, _ := faultyPair(t, func(c *Config) { c.PartSize = MinPartSize })
	for key, then := range map[string]func(){
		"replaced": func() { p.put("replaced", bytes.Repeat([]byte("new"), 4<<20)) },
		"shorter":  func() { p.put("shorter", []byte("short")) },
		"deleted":  func() { p.delete("deleted", nil) },
	} {
		p.put(key, random(12<<20), attributed)
		var once sync.Once
		from.set(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if isObject(r, http.MethodGet) {
				once.Do(func() {
					w = &cut{ResponseWriter: w, left: 7 << 20}
					then()
				})
			}
			next.ServeHTTP(w, r)
		})
		if key == "deleted" {
			p.converge(key, Deleted)
			p.gone(key)
			continue
		}
		p.converge(key, Copied)
		p.same(key)
	}
	p.noUploads()
}

// If the source fails permanently, the destination is unchanged.
func TestBreaksForGood(t *testing.T) {
	t.Parallel()
	p, from, _ := faultyPair(t, func(c *Config) { c.PartSize = MinPartSize })
	p.put("k", []byte("before"))
	p.converge("k", Copied)
	p.put("k", random(12<<20))
	first := true
	from.set(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !first {
			panic(http.ErrAbortHandler)
		}
		first = false
		next.ServeHTTP(&cut{ResponseWriter: w, left: 8 << 20}, r)
	})
	_, err := p.Converge(t.Context(), "k", Hint{})
	checkError(t, err, Error{Side: source}, "the stream broke")
	p.noUploads()
	if _, body := read(t, p.to, p.config.Destination.Bucket, "k"); string(body) != "before" {
		t.Errorf("%d bytes are at the destination", len(body))
	}
}

// A refused part or completion, or a timeout, leaves no multipart upload.
func TestBrokenUploads(t *testing.T) {
	t.Parallel()
	p, _, to := faultyPair(t, func(c *Config) { c.PartSize = MinPartSize })
	p.put("k", random(22<<20))
	for name, refused := range map[string]func(r *http.Request) bool{
		"part":     func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "3" },
		"complete": func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") },
	} {
		to.set(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if refused(r) {
				answers(w, http.StatusForbidden, "AccessDenied", "no")
				return
			}
			next.ServeHTTP(w, r)
		})
		_, err := p.Converge(t.Context(), "k", Hint{})
		checkError(t, err, Error{Side: destination, Permanent: true}, "s3:PutObject")
		p.noUploads()
		t.Log(name, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	to.set(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Query().Get("partNumber") == "2" {
			cancel()
		}
		next.ServeHTTP(w, r)
	})
	_, err := p.Converge(ctx, "k", Hint{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	p.noUploads()
	p.gone("k")
}

// A store without support for checksums gets none.
func TestChecksumsRefused(t *testing.T) {
	t.Parallel()
	p, _, to := faultyPair(t, func(c *Config) { c.PartSize = MinPartSize })
	to.set(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Header.Get("X-Amz-Checksum-Crc32") != "" || r.Header.Get("X-Amz-Checksum-Algorithm") != "" {
			answers(w, http.StatusNotImplemented, "NotImplemented", "Header 'x-amz-checksum-crc32' is not implemented")
			return
		}
		next.ServeHTTP(w, r)
	})
	var group errgroup.Group
	for key, size := range map[string]int{"small": 10, "other": 11, "third": 12, "big": 12 << 20} {
		p.put(key, random(size))
		group.Go(func() error {
			_, err := p.Converge(t.Context(), key, Hint{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"small", "other", "third", "big"} {
		p.same(key)
	}
	if n := strings.Count(p.log.String(), "does not support checksums"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// The destination refuses bytes that were changed in transfer, and the copy is retried.
func TestCorrupted(t *testing.T) {
	t.Parallel()
	p, _, to := faultyPair(t, nil)
	p.put("k", []byte("right"))
	to.set(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isObject(r, http.MethodPut) {
			r.Body = http.NoBody
			r.Body = readCloser{strings.NewReader("wrong")}
		}
		next.ServeHTTP(w, r)
	})
	_, err := p.Converge(t.Context(), "k", Hint{})
	checkError(t, err, Error{Side: destination}, "")
	p.gone("k")
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func checkError(t testing.TB, err error, want Error, says string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if e.Permanent != want.Permanent || e.Side != want.Side || e.RetryAfter != want.RetryAfter || !strings.Contains(e.Error(), says) {
		t.Errorf("got permanent %t, side %s, after %s, %q; want %+v with %q", e.Permanent, e.Side, e.RetryAfter, e, want, says)
	}
}

// Responses of a store and their results. The destination has the object before, and keeps it unless the source responds that
// there is no such key.
func TestAnswers(t *testing.T) {
	store := newFake(t)
	for _, c := range []struct {
		name   string
		side   string
		answer func(w http.ResponseWriter, n int)
		hint   Hint
		result string // of Result.String
		err    Error
		says   string
	}{
		{name: "gone", side: source, answer: code(404, "NoSuchKey"), result: "deleted"},
		{name: "delete marker", side: source, answer: func(w http.ResponseWriter, _ int) {
			w.Header().Set("X-Amz-Delete-Marker", "true")
			answers(w, 404, "NoSuchKey", "gone")
		}, result: "deleted"},
		{name: "just created", side: source, answer: code(404, "NoSuchKey"), hint: Hint{Created: true, Age: time.Second, Attempt: 3}, err: Error{Side: source, RetryAfter: time.Second}, says: "it does not exist"},
		{name: "created, and really gone", side: source, answer: code(404, "NoSuchKey"), hint: Hint{Created: true, Age: time.Second, Attempt: 4}, result: "deleted"},
		{name: "created long ago", side: source, answer: code(404, "NoSuchKey"), hint: Hint{Created: true, Age: time.Minute, Attempt: 1}, result: "deleted"},
		{name: "a proxy's 404", side: source, answer: func(w http.ResponseWriter, _ int) { http.Error(w, "not found", 404) }, err: Error{Side: source}, says: "nothing is deleted"},
		{name: "archived", side: source, answer: code(403, "InvalidObjectState"), err: Error{Side: source, Permanent: true}, says: "archived"},
		{name: "not allowed to read", side: source, answer: code(403, "AccessDenied"), err: Error{Side: source}, says: "s3:GetObject"},
		{name: "no source bucket", side: source, answer: code(404, "NoSuchBucket"), err: Error{Side: source, Permanent: true}, says: "source.bucket"},
		{name: "wrong region", side: source, answer: code(301, "PermanentRedirect"), err: Error{Side: source, Permanent: true}, says: "source.region"},
		{name: "broken source", side: source, answer: code(500, "InternalError"), err: Error{Side: source}, says: "InternalError"},
		{name: "throttled source", side: source, answer: func(w http.ResponseWriter, _ int) {
			w.Header().Set("Retry-After", "7")
			answers(w, 503, "SlowDown", "slow down")
		}, err: Error{Side: source, RetryAfter: 7 * time.Second}, says: "SlowDown"},
		{name: "throttled until a date", side: destination, answer: func(w http.ResponseWriter, n int) {
			if n > 0 {
				t.Error("another request within the attempt")
			}
			w.Header().Set("Retry-After", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))
			answers(w, 503, "SlowDown", "slow down")
		}, err: Error{Side: destination, RetryAfter: time.Hour}, says: "SlowDown"},
		{name: "throttled for a moment", side: source, answer: func(w http.ResponseWriter, n int) {
			if n < 2 {
				answers(w, 503, "SlowDown", "slow down")
				return
			}
			w.Header().Set("ETag", `"e"`)
			_, _ = w.Write([]byte("new"))
		}, result: `copied 3 bytes, etag "d", version v1`},
		{name: "no destination bucket", side: destination, answer: code(404, "NoSuchBucket"), err: Error{Side: destination, Permanent: true}, says: "create the bucket"},
		{name: "not allowed to write", side: destination, answer: code(403, "AccessDenied"), err: Error{Side: destination, Permanent: true}, says: "s3:PutObject"},
		{name: "clock", side: destination, answer: code(403, "RequestTimeTooSkewed"), err: Error{Side: destination}, says: "clocks"},
		{name: "key refused", side: destination, answer: code(400, "XMinioInvalidObjectName"), err: Error{Side: destination, Permanent: true}, says: "does not accept"},
		{name: "too many requests", side: destination, answer: code(429, "TooManyRequests"), err: Error{Side: destination}, says: "429"},
		{name: "not implemented", side: destination, answer: code(501, "NotImplemented"), err: Error{Side: destination, Permanent: true}, says: "501"},
		{name: "full", side: destination, answer: code(507, "XMinioStorageFull"), err: Error{Side: destination}, says: "507"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store.reset(c.side, c.answer)
			m := newMirror(t, Config{
				Source: store.side(source), Destination: Destination{Side: store.side(destination)}, Deletes: true,
			})
			r, err := m.Converge(t.Context(), "k", c.hint)
			if c.err.Side == "" {
				if err != nil || r.String() != c.result {
					t.Errorf("got %v, %v", r, err)
				}
				return
			}
			checkError(t, err, c.err, c.says)
			checkError(t, err, c.err, `bucket "`+c.side+`", key "k"`)
			if diff := cmp.Diff([]string(nil), store.deleted()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Keys are put into URLs without cleaning.
func TestKeysUnchanged(t *testing.T) {
	store := newFake(t)
	m := newMirror(t, Config{Source: store.side(source), Destination: Destination{Side: store.side(destination)}})
	for _, key := range []string{
		"../../x", "./x", "a//b", "/x", "//", ".", "..", "a/../b", "a/./b/", "a b+c%20d%", "\u732b", `"'<>\`, "a?b#c", "a\tb", "\xff\xfe",
	} {
		store.reset("", nil)
		if _, err := m.Converge(t.Context(), key, Hint{}); err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		var got []string
		for _, l := range store.log {
			method, uri, _ := strings.Cut(l, " ")
			path, _, _ := strings.Cut(uri, "?")
			unescaped, err := url.PathUnescape(path)
			if err != nil {
				t.Error(err)
			}
			got = append(got, method+" "+unescaped)
		}
		if diff := cmp.Diff([]string{"GET /source/" + key, "PUT /destination/" + key}, got); diff != "" {
			t.Errorf("%q: %s", key, diff)
		}
	}
}
