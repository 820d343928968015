package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
	"github.com/pointsman/pointsman/plugins/s3-mirror/reconcile"
)

// pages returns a listing that ends with err, unless it is nil.
func pages(err error, pages ...[]reconcile.Object) reconcile.Listing {
	return func(context.Context) iter.Seq2[[]reconcile.Object, error] {
		return func(yield func([]reconcile.Object, error) bool) {
			for _, p := range pages {
				if !yield(p, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
			}
		}
	}
}

func objects(keys ...string) (list []reconcile.Object) {
	for _, key := range keys {
		list = append(list, reconcile.Object{Key: key, Size: 1, ETag: "x"})
	}
	return list
}

// counting is a mirror that only counts.
type counting struct{ times atomic.Int64 }

func (c *counting) Converge(context.Context, string, mirror.Hint) (mirror.Result, error) {
	c.times.Add(1)
	return mirror.Result{}, errors.New("not in this test")
}

func (*counting) Wants(string) bool { return true }

func lists(source, destination reconcile.Listing) reconcile.Options {
	return reconcile.Options{
		Mirror: &counting{}, Source: reconcile.Side{Bucket: "s", List: source}, Destination: reconcile.Side{Bucket: "d", List: destination},
	}
}

func TestBadListings(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		source, destination reconcile.Listing
		want                string
	}{
		"out of order": {
			pages(nil, objects("a", "c"), objects("b")), pages(nil, objects("a", "b", "c")),
			`the source, bucket "s", lists "b" after "c", which is not the order of S3`,
		},
		"twice":  {pages(nil, objects("a")), pages(nil, objects("a"), objects("a")), `the destination, bucket "d", lists "a" after "a"`},
		"broken": {pages(broken, objects("a")), pages(nil, objects("a", "b", "c")), `list the source, bucket "s": broken`},
	} {
		t.Run(name, func(t *testing.T) {
			o := lists(test.source, test.destination)
			o.Deletes = true
			r, err := reconcile.New(o)
			if err != nil {
				t.Fatal(err)
			}
			s, err := r.Do(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
			if !s.Interrupted || o.Mirror.(*counting).times.Load() > 0 && name == "broken" {
				t.Errorf("what a broken listing left out was taken for gone: %+v", s)
			}
		})
	}
}

// TestJoin checks join against a comparison of two sets.
func TestJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sets := [2]map[string]bool{}
		var listings [2]reconcile.Listing
		for i := range sets {
			keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-c/!ü]{1,3}`), 0, 20, rapid.ID).Draw(t, fmt.Sprint("keys ", i))
			sets[i] = map[string]bool{}
			for _, k := range keys {
				sets[i][k] = true
			}
			listings[i] = pages(nil, sorted(keys, rapid.IntRange(1, 5).Draw(t, "page"))...)
		}
		want := map[string]reconcile.Class{}
		for k := range sets[0] {
			if !sets[1][k] {
				want[k] = reconcile.Missing
			}
		}
		for k := range sets[1] {
			if !sets[0][k] {
				want[k] = reconcile.Extra
			}
		}
		got := map[string]reconcile.Class{}
		o := lists(listings[0], listings[1])
		o.DryRun, o.Report = true, func(s reconcile.Step) { got[s.Key] = s.Class }
		r, err := reconcile.New(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Do(context.Background()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// The memory for one listing is bounded, however long the other one takes.
func TestAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Int64
		source := func(context.Context) iter.Seq2[[]reconcile.Object, error] {
			return func(yield func([]reconcile.Object, error) bool) {
				for yield(objects(fmt.Sprintf("%06d", made.Add(1))), nil) && made.Load() < 1000 {
				}
			}
		}
		goOn := make(chan struct{})
		destination := func(context.Context) iter.Seq2[[]reconcile.Object, error] {
			<-goOn
			return pages(nil)(t.Context())
		}
		o := lists(source, destination)
		o.DryRun = true
		r, err := reconcile.New(o)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan reconcile.Summary)
		go func() {
			s, _ := r.Do(t.Context())
			ended <- s
		}()
		synctest.Wait()
		if made.Load() > 5 {
			t.Errorf("%d pages were listed ahead", made.Load())
		}
		close(goOn)
		if s := <-ended; s.Missing != 1000 {
			t.Errorf("%+v", s)
		}
	})
}

// BenchmarkCompare measures the comparison of two equal objects without the listing.
func BenchmarkCompare(b *testing.B) {
	const size = 1000
	listing := func(context.Context) iter.Seq2[[]reconcile.Object, error] {
		return func(yield func([]reconcile.Object, error) bool) {
			for from := 0; from < b.N; from += size {
				page := make([]reconcile.Object, min(size, b.N-from))
				for i := range page {
					page[i] = reconcile.Object{Key: fmt.Sprintf("%012d", from+i), Size: 1, ETag: "x"}
				}
				if !yield(page, nil) {
					return
				}
			}
		}
	}
	r, err := reconcile.New(lists(listing, listing))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	if s, err := r.Do(b.Context()); err != nil || s.Unchanged != int64(b.N) {
		b.Errorf("%+v, %v", s, err)
	}
}

func sorted(keys []string, page int) (list [][]reconcile.Object) {
	slices.Sort(keys)
	for chunk := range slices.Chunk(keys, page) {
		list = append(list, objects(chunk...))
	}
	return list
}
