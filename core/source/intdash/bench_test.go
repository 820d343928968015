package intdash

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
)

// discard is an Intake that does nothing.
type discard struct{}

func (discard) Accept(_ context.Context, events []source.Event) ([]source.Accepted, error) {
	return make([]source.Accepted, len(events)), nil
}

func benchSource(b *testing.B) (*source.Webhook, *source.Metrics) {
	b.Helper()
	metrics := source.NewMetrics(prometheus.NewRegistry())
	s, err := makeWebhook(settings32, source.Deps{Name: "lab", Intake: discard{}, Log: slog.New(slog.DiscardHandler), Metrics: metrics})
	if err != nil {
		b.Fatal(err)
	}
	return s, metrics
}

// bare only reads and verifies, the minimum for any receiver of these webhooks.
func bare(b *testing.B) http.Handler {
	v := verifierOf(b, secret32)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		if _, err := v.verify(r.Header[SignatureHeader], body); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// BenchmarkHandler compares the source, with an intake that does nothing, with a bare handler, in memory and over 64
// loopback connections.
func BenchmarkHandler(b *testing.B) {
	s, metrics := benchSource(b)
	server, err := source.NewServer(source.ServerOptions{Sources: []source.Source{s}, Log: slog.New(slog.DiscardHandler), Metrics: metrics})
	if err != nil {
		b.Fatal(err)
	}
	for name, h := range map[string]http.Handler{"bare": bare(b), "source": server} {
		b.Run(name+"/memory", func(b *testing.B) { benchMemory(b, h) })
		b.Run(name+"/64conns", func(b *testing.B) { benchConns(b, h, 64) })
	}
}

type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(status int) {
	if status != http.StatusNoContent {
		panic(status)
	}
}

func benchMemory(b *testing.B, h http.Handler) {
	body := bytes.NewReader([]byte(bodyCompleted))
	r := httptest.NewRequest(http.MethodPost, "/hooks/lab", body)
	r.Header.Set(SignatureHeader, sign([]byte(secret32), []byte(bodyCompleted)))
	r.Header.Set("Content-Type", "application/json")
	w := &nullWriter{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset([]byte(bodyCompleted))
		h.ServeHTTP(w, r)
	}
}

func benchConns(b *testing.B, h http.Handler, conns int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			b.Error(err)
		}
	}()
	defer func() { _ = server.Close() }()
	request := fmt.Appendf(nil, "POST /hooks/lab HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%s",
		SignatureHeader, sign([]byte(secret32), []byte(bodyCompleted)), len(bodyCompleted), bodyCompleted)
	b.SetParallelism(max(1, conns/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		if err := exchange(l.Addr().String(), request, pb); err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// exchange repeatedly sends a request on one connection and waits for the response, with minimal overhead.
func exchange(addr string, request []byte, pb *testing.PB) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	responses := bufio.NewReader(conn)
	for pb.Next() {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		for first := true; ; first = false {
			line, err := responses.ReadSlice('\n')
			if err != nil {
				return err
			}
			if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 204 ")) {
				return fmt.Errorf("answer %q", line)
			}
			if len(line) == 2 {
				break
			}
		}
	}
	return nil
}
