package intdash_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/stats-email/intdash"
	"github.com/pointsman/pointsman/plugins/stats-email/intdash/intdashtest"
)

const (
	measurement = "1a14f158-2a0c-44c7-ace1-e0d21ecc93e9"
	project     = "00000000-0000-0000-0000-000000000000"
	at          = int64(1735086000123456789)
)

// client is a client of s with the API token, unless change says otherwise.
func client(t *testing.T, s *intdashtest.Server, change ...func(*intdash.Config)) *intdash.Client {
	t.Helper()
	conf := intdash.Config{URL: s.URL, Token: intdashtest.Token}
	for _, f := range change {
		f(&conf)
	}
	c, err := intdash.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func oauth(c *intdash.Config) {
	c.Token, c.ClientID, c.ClientSecret = "", intdashtest.ClientID, intdashtest.ClientSecret
}

func fetch(t *testing.T, c *intdash.Client, q intdash.Query) ([]float64, intdash.Summary, error) {
	t.Helper()
	if q.Measurement == "" {
		q.Measurement = measurement
	}
	var got []float64
	sum, err := c.Points(t.Context(), q, func(p intdash.Point) { got = append(got, p.Value) })
	return got, sum, err
}

func filters(t *testing.T, texts ...string) []intdash.Filter {
	t.Helper()
	var fs []intdash.Filter
	for _, s := range texts {
		f, err := intdash.ParseFilter(s)
		if err != nil {
			t.Fatal(err)
		}
		fs = append(fs, f)
	}
	return fs
}

func TestPoints(t *testing.T) {
	s := intdashtest.New(t)
	newModel := intdashtest.Float64(at+1, "10/distance", 100)
	newModel.NewModel = true
	s.Add(measurement, intdashtest.Measurement{Points: []intdashtest.Point{
		intdashtest.Float64(at, "10/distance", 123.456),
		newModel,
		intdashtest.Int64(at+2, "10/count", -42),
		{Time: at + 3, Type: "jpeg", Name: "1/camera", Payload: []byte{0xff, 0xd8}},
		{Time: at + 4, Type: "float64", Name: "1/pair", Payload: make([]byte, 16)},
		intdashtest.ConvertedError(),
		intdashtest.Float64(at+5, "10/distance", math.Inf(1)),
	}})
	got, sum, err := fetch(t, client(t, s), intdash.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{123.456, 100, -42, math.Inf(1)}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(intdash.Summary{Points: 4, Vectors: 1, Other: 1, Unconverted: 1}, sum); diff != "" {
		t.Error(diff)
	}
	r := s.Requests()[0]
	if r.Path != "/api/v1/data" || r.Query.Get("name") != measurement || r.Query.Get("time_format") != "ns" ||
		r.Query.Get("exit_on_error") != "false" || r.Header.Get("X-Intdash-Token") != intdashtest.Token {
		t.Errorf("request %+v", r)
	}
}

func TestProjectAndFilter(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		t.Run(fmt.Sprintf("server ignores the filter=%v", ignored), func(t *testing.T) {
			s := intdashtest.New(t)
			s.IgnoreFilter = ignored
			s.Add(measurement, intdashtest.Measurement{Project: project, Points: []intdashtest.Point{
				intdashtest.Float64(at, "10/distance", 1), intdashtest.Float64(at, "11/speed", 2), intdashtest.Int64(at, "12/a b&c", 3),
			}})
			got, _, err := fetch(t, client(t, s), intdash.Query{Project: project, Filters: filters(t, "float64:10/distance", "#:12/a b&c")})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]float64{1, 3}, got); diff != "" {
				t.Error(diff)
			}
			r := s.Requests()[0]
			if r.Path != "/api/v1/projects/"+project+"/data" {
				t.Errorf("path %q", r.Path)
			}
			for _, part := range []string{"data_id_filter=float64%3A10%2Fdistance", "data_id_filter=%23%3A12%2Fa"} {
				if !strings.Contains(r.RawQuery, part) {
					t.Errorf("query %q lacks %q", r.RawQuery, part)
				}
			}
		})
	}
}

// Which faults can be helped by trying again, and which cannot.
func TestFaults(t *testing.T) {
	retryAfter := func(v string) http.Header { return http.Header{"Retry-After": {v}} }
	for _, c := range []struct {
		name       string
		fault      intdashtest.Fault
		permanent  bool
		retryAfter time.Duration
		says       string
	}{
		{name: "bad request", fault: intdashtest.Fault{Status: 400, Body: `{"type":"invalid_request","title":"bad idq"}`}, permanent: true, says: "400 Bad Request to the request for the data of measurement " + measurement + ": bad idq"},
		{name: "token refused", fault: intdashtest.Fault{Status: 401}, permanent: true, says: "check the token"},
		{name: "forbidden", fault: intdashtest.Fault{Status: 403}, permanent: true, says: "may not read this project"},
		{name: "not found", fault: intdashtest.Fault{Status: 404, Body: "not JSON"}, permanent: true, says: "no such measurement"},
		{name: "method not allowed", fault: intdashtest.Fault{Status: 405}, permanent: true, says: "405"},
		{name: "conflict", fault: intdashtest.Fault{Status: 409}, permanent: true, says: "409"},
		{name: "redirect", fault: intdashtest.Fault{Status: 302, Header: http.Header{"Location": {"https://elsewhere.example/"}}}, permanent: true, says: "elsewhere.example"},
		{name: "request timeout", fault: intdashtest.Fault{Status: 408}, says: "408"},
		{name: "too many requests", fault: intdashtest.Fault{Status: 429, Header: retryAfter("7")}, retryAfter: 7 * time.Second, says: "429"},
		{name: "too many requests, silent", fault: intdashtest.Fault{Status: 429}, says: "429"},
		{name: "too many requests, absurd wait", fault: intdashtest.Fault{Status: 429, Header: retryAfter("2000000000")}, retryAfter: 24 * time.Hour, says: "429"},
		{name: "too many requests, past", fault: intdashtest.Fault{Status: 429, Header: retryAfter("-5")}, says: "429"},
		{name: "internal error", fault: intdashtest.Fault{Status: 500, Body: `{"type":"about:blank","title":"boom\nbang"}`}, says: "boom bang"},
		{name: "bad gateway", fault: intdashtest.Fault{Status: 502, Body: "<html>"}, says: "502"},
		{name: "unavailable", fault: intdashtest.Fault{Status: 503, Header: retryAfter("30")}, retryAfter: 30 * time.Second, says: "503"},
		{name: "a page in place of data", fault: intdashtest.Fault{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>"}, says: "not with JSON"},
		{name: "no JSON lines", fault: intdashtest.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: "{}\n"}, permanent: true, says: "line 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := intdashtest.New(t)
			s.Fail(c.fault)
			_, _, err := fetch(t, client(t, s), intdash.Query{})
			var e *intdash.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Permanent != c.permanent || e.RetryAfter != c.retryAfter || !strings.Contains(e.Error(), c.says) {
				t.Errorf("permanent %v, retry after %v, %q", e.Permanent, e.RetryAfter, e)
			}
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	s := intdashtest.New(t)
	s.Fail(intdashtest.Fault{Status: 503, Header: http.Header{"Retry-After": {time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)}}})
	_, _, err := fetch(t, client(t, s), intdash.Query{})
	var e *intdash.Error
	if !errors.As(err, &e) || e.RetryAfter <= 50*time.Second || e.RetryAfter > time.Minute {
		t.Errorf("got %+v", e)
	}
}

func TestUnknownMeasurement(t *testing.T) {
	_, _, err := fetch(t, client(t, intdashtest.New(t)), intdash.Query{})
	var e *intdash.Error
	if !errors.As(err, &e) || !e.Permanent || e.Status != 404 {
		t.Errorf("got %v", err)
	}
}

// A stream that is not whole is an error that may be tried again, whatever it already gave.
func TestPartialStream(t *testing.T) {
	points := []intdashtest.Point{intdashtest.Float64(at, "a", 1), intdashtest.Float64(at, "a", 2), intdashtest.Float64(at, "a", 3)}
	t.Run("cut within a chunk", func(t *testing.T) {
		s := intdashtest.New(t)
		s.Add(measurement, intdashtest.Measurement{Points: points, CutAfter: 2})
		_, _, err := fetch(t, client(t, s), intdash.Query{})
		var e *intdash.Error
		if !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &e) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("server gives up", func(t *testing.T) {
		s := intdashtest.New(t)
		s.Add(measurement, intdashtest.Measurement{Points: append(points[:2:2], intdashtest.UnexpectedError())})
		_, _, err := fetch(t, client(t, s), intdash.Query{})
		var e *intdash.Error
		if !errors.As(err, &e) || e.Permanent || !strings.Contains(e.Error(), "stopped at line 3") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("silence", func(t *testing.T) {
		s := intdashtest.New(t)
		s.Add(measurement, intdashtest.Measurement{Points: points, Drip: time.Minute})
		_, _, err := fetch(t, client(t, s, func(c *intdash.Config) { c.IdleTimeout = 30 * time.Millisecond }), intdash.Query{})
		if err == nil || !strings.Contains(err.Error(), "no data for 30ms") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("time is up", func(t *testing.T) {
		s := intdashtest.New(t)
		s.Add(measurement, intdashtest.Measurement{Points: points, Drip: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := client(t, s).Points(ctx, intdash.Query{Measurement: measurement}, func(intdash.Point) {})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		s := intdashtest.New(t)
		c := client(t, s)
		s.Close()
		_, _, err := fetch(t, c, intdash.Query{})
		var e *intdash.Error
		if err == nil || errors.As(err, &e) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("end without chunks or length", func(t *testing.T) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, buf, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			_, _ = fmt.Fprint(buf, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
			_ = buf.Flush()
			_ = conn.Close()
		}))
		defer s.Close()
		_, _, err := fetch(t, client(t, &intdashtest.Server{Server: s}), intdash.Query{})
		var e *intdash.Error
		if !errors.As(err, &e) || !e.Permanent {
			t.Errorf("got %v", err)
		}
	})
}

// A slow server is no fault as long as something arrives.
func TestDrip(t *testing.T) {
	s := intdashtest.New(t)
	s.Add(measurement, intdashtest.Measurement{Drip: 15 * time.Millisecond, Points: []intdashtest.Point{
		intdashtest.Float64(at, "a", 1), intdashtest.Float64(at, "a", 2), intdashtest.Float64(at, "a", 3),
	}})
	got, _, err := fetch(t, client(t, s, func(c *intdash.Config) { c.IdleTimeout = 5 * time.Second }), intdash.Query{})
	if err != nil || len(got) != 3 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestOAuth(t *testing.T) {
	s := intdashtest.New(t)
	s.Add(measurement, intdashtest.Measurement{Points: []intdashtest.Point{intdashtest.Float64(at, "a", 1)}})
	c := client(t, s, oauth)
	for range 3 {
		if _, _, err := fetch(t, c, intdash.Query{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.TokensIssued(); n != 1 {
		t.Errorf("%d tokens for three requests", n)
	}
	s.RevokeTokens()
	if _, _, err := fetch(t, c, intdash.Query{}); err != nil {
		t.Errorf("after revocation: %v", err)
	}
	if n := s.TokensIssued(); n != 2 {
		t.Errorf("%d tokens after one revocation", n)
	}
}

func TestOAuthExpiry(t *testing.T) {
	s := intdashtest.New(t)
	s.TokenLife = time.Second // within the margin before expiry, so it is renewed each time
	s.Add(measurement, intdashtest.Measurement{})
	c := client(t, s, oauth)
	for range 2 {
		if _, _, err := fetch(t, c, intdash.Query{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.TokensIssued(); n != 2 {
		t.Errorf("%d tokens", n)
	}
}

// 401 is answered with one new token, and not with a loop.
func TestOAuthRefusedTwice(t *testing.T) {
	s := intdashtest.New(t)
	s.Fail(intdashtest.Fault{Status: 401}, intdashtest.Fault{Status: 401}, intdashtest.Fault{Status: 401})
	_, _, err := fetch(t, client(t, s, oauth), intdash.Query{})
	var e *intdash.Error
	if !errors.As(err, &e) || !e.Permanent || s.TokensIssued() != 2 || len(s.Requests()) != 2 {
		t.Errorf("%v after %d tokens and %d requests", err, s.TokensIssued(), len(s.Requests()))
	}
}

// The server repeats the access token in its error.
func TestAccessTokenStaysOut(t *testing.T) {
	s := intdashtest.New(t)
	s.TokenLife = -time.Second
	_, _, err := fetch(t, client(t, s, oauth), intdash.Query{})
	if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "(sensitive)") {
		t.Errorf("got %v", err)
	}
}

func TestNew(t *testing.T) {
	for _, c := range []struct {
		conf intdash.Config
		err  string
	}{
		{intdash.Config{URL: "https://a.example", Token: "t"}, ""},
		{intdash.Config{URL: "https://a.example/", ClientID: "i", ClientSecret: "s"}, ""},
		{intdash.Config{URL: "https://a.example"}, "either"},
		{intdash.Config{URL: "https://a.example", Token: "t", ClientID: "i", ClientSecret: "s"}, "either"},
		{intdash.Config{URL: "https://a.example", ClientID: "i"}, "either"},
		{intdash.Config{URL: "a.example", Token: "t"}, "must look like"},
		{intdash.Config{URL: "ftp://a.example", Token: "t"}, "must look like"},
		{intdash.Config{URL: "https://u:canary@a.example", Token: "t"}, "user or password"},
		{intdash.Config{URL: "https://u:canary@a.example/%zz", Token: "t"}, "not a URL"},
		{intdash.Config{URL: "https://a.example?x=1", Token: "t"}, "query"},
	} {
		_, err := intdash.New(c.conf)
		if (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: got %v, want %q", c.conf.URL, err, c.err)
		}
	}
}

func TestParseURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example":              "https://a.example/api",
		"https://a.example/":             "https://a.example/api",
		"https://a.example/api":          "https://a.example/api",
		"https://a.example/api/":         "https://a.example/api",
		"https://a.example/api/v1":       "https://a.example/api",
		"http://127.0.0.1:8080/base":     "http://127.0.0.1:8080/base/api",
		"https://a.example:8443/api/v1/": "https://a.example:8443/api",
	} {
		u, err := intdash.ParseURL(in)
		if err != nil || u.String() != want {
			t.Errorf("%s: got %v, %v, want %s", in, u, err, want)
		}
	}
}

func TestBadQuery(t *testing.T) {
	c := client(t, intdashtest.New(t))
	for _, q := range []intdash.Query{{}, {Measurement: measurement, Project: "../../auth"}, {Measurement: measurement, Project: "a/b"}} {
		_, err := c.Points(t.Context(), q, func(intdash.Point) {})
		var e *intdash.Error
		if !errors.As(err, &e) || !e.Permanent {
			t.Errorf("%+v: got %v", q, err)
		}
	}
}

// A million points, some hundred megabytes of text, pass through a heap that does not grow.
func TestMemoryDoesNotGrowWithTheSeries(t *testing.T) {
	const n = 1_000_000
	s := intdashtest.New(t)
	s.Add(measurement, intdashtest.Measurement{Generate: func(w http.ResponseWriter) {
		line := fmt.Sprintf(`{"time":%d,"measurement_uuid":%q,"data_type":"float64","data_id":"10/distance","data":{"d":"QFkAAAAAAAA="}}`+"\n", at, measurement)
		block := strings.Repeat(line, 1000)
		for range n / 1000 {
			_, _ = fmt.Fprint(w, block)
		}
	}})
	c := client(t, s)
	before, most, count := heap(), uint64(0), 0
	_, err := c.Points(t.Context(), intdash.Query{Measurement: measurement}, func(intdash.Point) {
		if count++; count%100_000 == 0 {
			most = max(most, heap())
		}
	})
	if err != nil || count != n {
		t.Fatalf("%d points, %v", count, err)
	}
	if grown := int64(most) - int64(before); grown > 4<<20 {
		t.Errorf("the live heap grew by %d bytes", grown)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
