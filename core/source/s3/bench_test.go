package s3

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// BenchmarkVerifyAndDecode measures one notification of MinIO up to the intake.
func BenchmarkVerifyAndDecode(b *testing.B) {
	body := []byte(recorded(b, "minio-put"))
	p, _, err := newProtocol(&Settings{Path: "/hooks/uploads", Dialect: dialectAuto, Tokens: []schema.Secret{schema.NewSecret(tokenNew), schema.NewSecret(tokenOld)}}, snsmessage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/hooks/uploads", nil)
	r.Header.Set("Authorization", "Bearer "+tokenOld)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Verify(r, body); err != nil {
			b.Fatal(err)
		}
		if reply, err := p.Handshake(r, body); reply != nil || err != nil {
			b.Fatal(reply, err)
		}
		if events, err := p.Decode(r.Header, body, testTime); err != nil || len(events) != 1 {
			b.Fatal(len(events), err)
		}
	}
}

// BenchmarkS3OverSNS measures one request that carries an S3 notification inside a signed SNS message, from the HTTP handler
// to an intake in memory. The signing certificate is cached and the request is reused, so only the source's own work counts.
func BenchmarkS3OverSNS(b *testing.B) {
	a := newAmazon(b, topicUploads)
	f := a.fixture(b, a.settings(""))
	body := []byte(a.notification(b, bodyOf(putRecord)))
	r := httptest.NewRequest(http.MethodPost, f.Info().Path, nil)
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "text/plain; charset=UTF-8")
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
