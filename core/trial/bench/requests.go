package bench

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source/intdash"
	"github.com/pointsman/pointsman/core/source/intdash/intdashsend"
)

const (
	secret = "only-for-the-benchmark-0123456789"
	path   = "/hooks/intdash"
)

// script is run by wrk. It loads whole requests, one per line with \1 for CRLF, and sends each of them once. The baseline
// detects no duplicates, so for it the script starts over at the end.
const script = `
local requests, next, once = {}, 0, %t
function init(args)
  for line in io.lines(%q) do requests[#requests + 1] = line:gsub("\1", "\r\n") end
end
function request()
  next = next + 1
  if next > #requests then
    if once then wrk.thread:stop() end
    next = 1
  end
  return requests[next]
end
function done(summary, latency)
  io.write(string.format("RESULT %%d %%d %%d %%d\n", summary.requests, summary.duration, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, latency:percentile(99)))
end
`

// scripts are the paths of two scripts: one sends each request once, the other repeats them.
type scripts struct{ once, cycle string }

// writeRequests writes n different signed requests, and the scripts that send them.
func writeRequests(dir string, n int) (_ scripts, err error) {
	requests := filepath.Join(dir, "requests")
	f, err := os.Create(requests)
	if err != nil {
		return scripts{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	for i := range n {
		body := fmt.Appendf(nil, `{"delivery_uuid":"d41cd3e1-7bf3-481e-bb68-%012x","hook_uuid":"5b7ea816-0d3b-4df5-9104-01046ebecf51",`+
			`"resource_type":"measurement","action":"completed","occurred_at":"2024-12-25T00:23:50.972454Z",`+
			`"measurement_uuid":"1a14f158-2a0c-44c7-ace1-%012x","project_uuid":"00000000-0000-0000-0000-000000000000"}`, i, i)
		fmt.Fprintf(w, "POST %s HTTP/1.1\x01Host: 127.0.0.1\x01Content-Type: application/json\x01Content-Length: %d\x01%s: %s\x01\x01%s\n",
			path, len(body), intdash.SignatureHeader, intdashsend.Sign([]byte(secret), body), body)
	}
	// Otherwise the kernel would write the file while the journal needs the disk.
	if err := errors.Join(w.Flush(), f.Sync()); err != nil {
		return scripts{}, err
	}
	out := scripts{once: filepath.Join(dir, "once.lua"), cycle: filepath.Join(dir, "cycle.lua")}
	return out, errors.Join(
		os.WriteFile(out.once, fmt.Appendf(nil, script, true, requests), 0o600),
		os.WriteFile(out.cycle, fmt.Appendf(nil, script, false, requests), 0o600))
}

// bareHandler only reads and verifies a request.
func bareHandler(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	want, err := base64.StdEncoding.DecodeString(r.Header.Get(intdash.SignatureHeader))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	if err != nil || !hmac.Equal(mac.Sum(nil), want) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// parseResult parses the line that the script prints at the end.
func parseResult(out string) (result, error) {
	_, line, found := strings.Cut(out, "RESULT ")
	var requests, micros, failed, p99 int64
	if n, err := fmt.Sscan(line, &requests, &micros, &failed, &p99); !found || n != 4 {
		return result{}, fmt.Errorf("wrk printed no result: %w\n%s", err, out)
	}
	if failed > 0 {
		return result{}, fmt.Errorf("%d of %d requests failed", failed, requests)
	}
	seconds := float64(micros) / 1e6
	return result{rate: float64(requests) / seconds, seconds: seconds, p99: (time.Duration(p99) * time.Microsecond).Round(10 * time.Microsecond)}, nil
}
