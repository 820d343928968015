package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

// endless is a store with some big objects that accepts every upload.
type endless struct{ objects, size int64 }

func (e endless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	case query.Get("list-type") == "2":
		e.list(w, strings.HasPrefix(r.URL.Path, "/from"))
	case r.Method == http.MethodGet:
		w.Header().Set("ETag", `"s"`)
		w.Header().Set("Content-Length", strconv.FormatInt(e.size, 10))
		chunk := make([]byte, 1<<20)
		for left := e.size; left > 0; left -= int64(len(chunk)) {
			_, _ = w.Write(chunk[:min(left, int64(len(chunk)))])
		}
	case r.Method == http.MethodPut:
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, r.Body, make([]byte, 256<<10))
		w.Header().Set("ETag", `"p"`)
	case query.Has("uploads"):
		_, _ = io.WriteString(w, `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`)
	default:
		_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><ETag>"m"</ETag></CompleteMultipartUploadResult>`)
	}
}

func (e endless) list(w http.ResponseWriter, full bool) {
	_, _ = io.WriteString(w, `<ListBucketResult><IsTruncated>false</IsTruncated>`)
	for i := int64(0); full && i < e.objects; i++ {
		_, _ = fmt.Fprintf(w, `<Contents><Key>k%d</Key><Size>%d</Size><ETag>"s"</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`, i, e.size)
	}
	_, _ = io.WriteString(w, `</ListBucketResult>`)
}

// BenchmarkMemory reports the peak memory of the plugin's process while it copies big objects with default settings.
func BenchmarkMemory(b *testing.B) {
	program := plugintest.Build(b, ".")
	for _, load := range []endless{{1, 5 << 30}, {8, 1 << 30}} {
		b.Run(fmt.Sprintf("%dx%dGiB", load.objects, load.size>>30), func(b *testing.B) {
			server := httptest.NewServer(load)
			defer server.Close()
			settings := fmt.Sprintf(`{"source":{"endpoint":%q,"bucket":"from","access_key":"a","secret_key":"secret"},
				"destination":{"endpoint":%q,"bucket":"to","access_key":"b","secret_key":"secret"}}`, server.URL, server.URL)
			b.SetBytes(load.objects * load.size)
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), program, "reconcile", "--settings", "-", "--json")
				cmd.Stdin = strings.NewReader(settings)
				out, err := cmd.CombinedOutput()
				if err != nil {
					b.Fatalf("%v: %s", err, out)
				}
				b.ReportMetric(float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "peak-MiB")
			}
		})
	}
}
