package s3

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkMinIO measures one notification of MinIO up to the intake.
func BenchmarkMinIO(b *testing.B) {
	f := newFixture(b, `{"tokens":["`+tokenNew+`","`+tokenOld+`"]}`)
	benchmarkPost(b, f, []byte(recorded(b, "minio-put")), "Bearer "+tokenOld)
}

// BenchmarkS3OverSNS measures one request that carries an S3 notification inside a signed SNS message, from the HTTP handler
// to an intake in memory. The signing certificate is cached and the request is reused, so only the source's own work counts.
func BenchmarkS3OverSNS(b *testing.B) {
	a := newAmazon(b, topicUploads)
	f := a.fixture(b, a.settings(""))
	benchmarkPost(b, f, []byte(a.notification(b, bodyOf(putRecord))), "")
}

func benchmarkPost(b *testing.B, f *fixture, body []byte, authorization string) {
	r := httptest.NewRequest(http.MethodPost, f.Info().Path, nil)
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := &discardWriter{header: http.Header{}}
	reader := bytes.NewReader(body)
	r.Body = io.NopCloser(reader)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		clear(w.header)
		if f.ServeHTTP(w, r); w.status != http.StatusOK {
			b.Fatalf("status %d\n%s", w.status, f.log)
		}
	}
}

// discardWriter is a ResponseWriter that keeps the status only.
type discardWriter struct {
	header http.Header
	status int
}

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) WriteHeader(status int)      { w.status = status }
