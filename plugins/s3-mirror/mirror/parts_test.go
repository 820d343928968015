package mirror

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// The server copies objects that are too big for one CopyObject in parts.
func TestServerCopyInParts(t *testing.T) {
	t.Parallel()
	s := s3test.MinIO(t, nil)
	p := newPair(t, s, s, nil)
	p.maxServerCopy, p.serverPart = 1<<20, MinPartSize
	p.put("big", random(12<<20), attributed)
	if r := p.converge("big", Copied); r.Bytes != 12<<20 {
		t.Errorf("got %v", r)
	}
	p.same("big")
	p.noUploads()
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	from, to := s3test.MinIO(t, nil), s3test.VersityGW(t, s3test.VersityOptions{})
	p := newPair(t, from, to, func(c *Config) {
		c.Source.Prefix, c.Destination.Prefix = "photos/", "copy/of/"
		c.Include, c.Exclude, c.Deletes = []string{"*.png", "photos/?.jpg"}, []string{"*/tmp/*"}, false
	})
	for key, want := range map[string]Action{
		"photos/a.png": Copied, "photos/deep/b.png": Copied, "photos/c.jpg": Copied, "photos/cc.jpg": Skipped,
		"photos/tmp/a.png": Skipped, "other/a.png": Skipped, "photos/": Skipped,
	} {
		p.put(key, []byte(key))
		p.converge(key, want)
		if want == Copied {
			p.same(key)
		}
	}
	if got := p.DestinationKey("photos/a.png"); got != "copy/of/a.png" {
		t.Errorf("got %q", got)
	}
	p.delete("photos/a.png", nil)
	if r := p.converge("photos/a.png", Skipped); !strings.Contains(r.String(), "deletes = false") {
		t.Errorf("got %v", r)
	}
	if a, _ := read(t, to, p.config.Destination.Bucket, "copy/of/a.png"); a == nil {
		t.Error("it was deleted")
	}
}

// A source key that is only the prefix has no key at the destination.
func TestNothingBehindPrefix(t *testing.T) {
	m := newMirror(t, Config{Source: Side{Endpoint: "http://127.0.0.1:1", Bucket: "a", Prefix: "photos/"}, Destination: Destination{Side: Side{Endpoint: "http://127.0.0.1:1", Bucket: "b"}}})
	if m.Wants("photos/") || !m.Wants("photos/x") {
		t.Error("want photos/x only")
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		glob, key string
		want      bool
	}{
		{"*.png", "a.png", true},
		{"*.png", "a/b.png", true},
		{"*.png", "a.png.txt", false},
		{"tmp/*", "tmp/", true},
		{"tmp/*", "a/tmp/x", false},
		{"*tmp*", "a/tmp/x", true},
		{"a?c", "abc", true},
		{"a?c", "a\u732bc", true},
		{"a?c", "ac", false},
		{"[a]", "a", false},
		{"[a]", "[a]", true},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"**", "a", true},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-b-b-d", false},
		{strings.Repeat("*a", 50) + "b", strings.Repeat("a", 1000), false},
		{"\\*", "\\x", true},
	} {
		if got := match(c.glob, c.key); got != c.want {
			t.Errorf("%q, %q: got %t", c.glob, c.key, got)
		}
	}
}

// All objects together have at most concurrency parts in memory.
func TestSlotsAreShared(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	most, now := 0, 0
	store := newFake(t)
	body := random(int(3 * MinPartSize))
	p := newFaultyFake(t, store, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodGet:
			w.Header().Set("ETag", `"s"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
		case r.URL.Query().Has("partNumber"):
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			_, _ = io.Copy(io.Discard, r.Body)
			mu.Lock()
			now--
			mu.Unlock()
			w.Header().Set("ETag", strconv.Quote("p"+r.URL.Query().Get("partNumber")))
		case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
			_, _ = io.WriteString(w, `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`)
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><ETag>"m"</ETag></CompleteMultipartUploadResult>`)
		default:
			return false
		}
		return true
	})
	m := newMirror(t, Config{Source: p.side(source), Destination: Destination{Side: p.side(destination)}, Concurrency: 3, PartSize: MinPartSize})
	var group errgroup.Group
	for i := range 8 {
		group.Go(func() error {
			_, err := m.Converge(t.Context(), strconv.Itoa(i), Hint{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if most > 3 {
		t.Errorf("%d parts at a time", most)
	}
	if n := len(m.slots.free); n > 3 {
		t.Errorf("%d buffers are kept", n)
	}
}

// newFaultyFake calls handle before the fake, without its lock.
func newFaultyFake(t *testing.T, f *fake, handle func(http.ResponseWriter, *http.Request) bool) *fake {
	t.Helper()
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if !handle(w, r) {
			f.ServeHTTP(w, r)
		}
	})
	return &fake{url: server}
}

// Parts of an object of more than 10,000 are bigger than a slot, and take several.
func TestBigSlots(t *testing.T) {
	s := newSlots(4, 100)
	big, err := s.take(t.Context(), 350)
	if err != nil || len(big.buffer) != 350 || big.weight != 4 {
		t.Fatalf("got %+v, %v", big, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.take(ctx, 1); err == nil {
		t.Error("there is room beside a part that takes all")
	}
	big.release()
	huge, err := s.take(t.Context(), 1000)
	if err != nil || huge.weight != 4 {
		t.Fatalf("got %+v, %v", huge, err)
	}
	huge.release()
	empty, err := s.take(t.Context(), 0)
	if err != nil || len(empty.buffer) != 0 {
		t.Fatalf("got %+v, %v", empty, err)
	}
	empty.release()
	if len(s.free) != 1 {
		t.Errorf("%d buffers are kept: big ones must go", len(s.free))
	}
}

// The limit of the bandwidth applies to all objects together.
func TestBandwidth(t *testing.T) {
	store := newFake(t)
	m := newMirror(t, Config{Source: store.side(source), Destination: Destination{Side: store.side(destination)}, Bandwidth: 1 << 40})
	if _, err := m.Converge(t.Context(), "k", Hint{}); err != nil {
		t.Fatal(err)
	}
	slow := newMirror(t, Config{Source: store.side(source), Destination: Destination{Side: store.side(destination)}, Bandwidth: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := slow.Converge(ctx, "k", Hint{}); err == nil {
		t.Error("6 bytes at 1 byte per second took less than 50 ms")
	}
}
