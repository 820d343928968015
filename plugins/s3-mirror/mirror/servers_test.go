package mirror

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// faulty is a proxy. fault may answer a request, or change the response.
type faulty struct {
	url   string
	fault atomic.Pointer[func(w http.ResponseWriter, r *http.Request, next http.Handler)]
}

func newFaulty(t testing.TB, s *s3test.Server) *faulty {
	t.Helper()
	f := &faulty{}
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}
	proxy := &httputil.ReverseProxy{
		Transport: transport, ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := f.fault.Load(); fault != nil {
			(*fault)(w, r, proxy)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	f.url = server.URL
	return f
}

func (f *faulty) set(fault func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	f.fault.Store(&fault)
}

// answers with an error, as S3 does.
func answers(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message><RequestId>R1</RequestId></Error>`, code, message)
}

// cut drops the connection after n bytes of a body.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(b []byte) (int, error) {
	if len(b) > c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// faultyPair has a proxy before each of two servers.
func faultyPair(t *testing.T, change func(*Config)) (p *pair, from, to *faulty) {
	t.Helper()
	a, b := s3test.MinIO(t, nil), s3test.VersityGW(t, s3test.VersityOptions{})
	from, to = newFaulty(t, a), newFaulty(t, b)
	p = newPair(t, a, b, func(c *Config) {
		c.Source.Endpoint, c.Destination.Endpoint = from.url, to.url
		if change != nil {
			change(c)
		}
	})
	return p, from, to
}

func code(status int, code string) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, _ int) { answers(w, status, code, "says the test") }
}

// fake is two stores with the buckets "source" and "destination". It sends the configured responses, and otherwise success.
type fake struct {
	url string

	mu     sync.Mutex
	bucket string
	answer func(w http.ResponseWriter, n int)
	n      int
	log    []string // method and raw path
}

func newFake(t testing.TB) *fake {
	t.Helper()
	f := &fake{}
	f.url = newServer(t, f.ServeHTTP)
	return f
}

func newServer(t testing.TB, handle http.HandlerFunc) (url string) {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

func (f *fake) reset(bucket string, answer func(http.ResponseWriter, int)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bucket, f.answer, f.n, f.log = bucket, answer, 0, nil
}

// side returns sides with different credentials, so that the server does not copy itself.
func (f *fake) side(bucket string) Side {
	s := sideOf(&s3test.Server{Endpoint: f.url, Region: "us-east-1", AccessKey: bucket, SecretKey: "secret"}, bucket)
	return s
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, r.Method+" "+r.RequestURI)
	if f.answer != nil && strings.HasPrefix(r.URL.Path, "/"+f.bucket+"/") {
		f.n++
		f.answer(w, f.n-1)
		return
	}
	switch r.Method {
	case http.MethodGet:
		w.Header().Set("ETag", `"s"`)
		_, _ = w.Write([]byte("object"))
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("ETag", `"d"`)
		w.Header().Set("X-Amz-Version-Id", "v1")
	}
}

func (f *fake) deleted() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []string
	for _, l := range f.log {
		if strings.HasPrefix(l, http.MethodDelete) {
			found = append(found, l)
		}
	}
	return found
}
