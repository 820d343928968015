package mirror

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// Real stores either accept a hostile key unchanged or refuse it permanently.
func TestHostileKeys(t *testing.T) {
	t.Parallel()
	store := newFake(t)
	for name, to := range map[string]*s3test.Server{
		"minio": s3test.MinIO(t, nil), "versitygw": s3test.VersityGW(t, s3test.VersityOptions{}),
	} {
		createBucket(t, to, "hostile")
		m := newMirror(t, Config{Source: store.side(source), Destination: Destination{Side: sideOf(to, "hostile")}, Deletes: true})
		for _, key := range []string{"../../x", "../hostile/y", "./x", "a//b", "/x", "a/../b", "..", "a/.", "\xff\xfe", "x/../../../../../../../../tmp/pwned"} {
			store.reset("", nil)
			_, err := m.Converge(t.Context(), key, Hint{})
			var e *Error
			switch {
			case err == nil:
				if a, body := read(t, to, "hostile", key); a == nil || string(body) != "object" {
					t.Errorf("%s: %q was taken, and is not there", name, key)
				}
			case responseOf(err).Status == http.StatusConflict: // a file system cannot have both "a" and "a/b"; transient
			case !errors.As(err, &e) || !e.Permanent:
				t.Errorf("%s: %q: %v", name, key, err)
			}
		}
	}
}

// Requests have unsigned payloads, no compression, and do not wait for "100 Continue".
func TestRequests(t *testing.T) {
	var mu sync.Mutex
	got := map[string]http.Header{}
	f := newFaultyFake(t, newFake(t), func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		got[r.Method] = r.Header.Clone()
		return false
	})
	m := newMirror(t, Config{Source: f.side(source), Destination: Destination{Side: f.side(destination)}})
	if _, err := m.Converge(t.Context(), "k", Hint{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, header, want string }{
		{http.MethodGet, "Accept-Encoding", "identity"},
		{http.MethodPut, "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"},
		{http.MethodPut, "X-Amz-Checksum-Crc32", "qK2r7A=="},
		{http.MethodPut, "Content-Encoding", ""},
		{http.MethodPut, "X-Amz-Trailer", ""},
		{http.MethodPut, "Expect", ""},
	} {
		if v := got[c.method].Get(c.header); v != c.want {
			t.Errorf("%s %s: got %q, want %q", c.method, c.header, v, c.want)
		}
	}
}

// The error of a delivery that timed out names the setting.
func TestDeadline(t *testing.T) {
	store := newFake(t)
	m := newMirror(t, Config{Source: store.side(source), Destination: Destination{Side: store.side(destination)}})
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := m.Converge(ctx, "k", Hint{})
	checkError(t, err, Error{Side: source}, "`timeout`")
}
