package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime/quotedprintable"
	"net/http"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/stats-email/intdash/intdashtest"
	"github.com/pointsman/pointsman/plugins/stats-email/mail/mailtest"
)

const (
	measurement = "1a14f158-2a0c-44c7-ace1-e0d21ecc93e9"
	project     = "00000000-0000-0000-0000-000000000000"
	sampleText  = "Average: 99.506109\nUnbiased Variance: 243.961858\n"
	toOps       = `{"to":["ops@example.com"]}`
)

// completed is the event of a measurement that is complete.
func completed() *pointsmanv1.Envelope {
	return &pointsmanv1.Envelope{
		Id: "e-1", Source: "lab", Kind: "intdash", Type: "intdash.measurement.completed", Subject: measurement,
		Data: &pointsmanv1.Envelope_Intdash{Intdash: &pointsmanv1.IntdashEvent{
			ResourceType: "measurement", Action: "completed", MeasurementUuid: measurement, ProjectUuid: project,
		}},
	}
}

// object is the JSON of settings or arguments.
func object(t testing.TB, v map[string]any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bySMTP are settings that send by s.
func bySMTP(port int, cert mailtest.Cert) map[string]any {
	return map[string]any{
		"data": "sample", "via": "smtp", "from": "Pointsman <pointsman@lab.example.com>",
		"smtp": map[string]any{
			"host": "127.0.0.1", "port": port, "username": mailtest.Username, "password": mailtest.Password, "ca": string(cert.CertPEM),
		},
	}
}

// from adds an intdash server to settings.
func from(settings map[string]any, s *intdashtest.Server) map[string]any {
	settings["data"] = "intdash"
	settings["intdash"] = map[string]any{"url": s.URL, "token": intdashtest.Token}
	return settings
}

func intoMaildir(path string) map[string]any {
	return map[string]any{"data": "sample", "via": "maildir", "maildir": path}
}

// mails reads the unread mails of a Maildir.
func mails(t testing.TB, path string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(path, "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// parts splits a mail into its headers and text.
func parts(t testing.TB, mail string) (netmail.Header, string) {
	t.Helper()
	mail = strings.ReplaceAll(mail, "\r\n", "\n")
	read, err := netmail.ReadMessage(strings.NewReader(mail))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	if err != nil {
		t.Fatal(err)
	}
	return read.Header, string(text)
}

func checkOutcome(t testing.TB, got *pluginv1.Result, want pluginv1.Outcome, says string) {
	t.Helper()
	if got.GetOutcome() != want || !strings.Contains(got.GetMessage()+got.GetReceipt(), says) {
		t.Errorf("got %v, want %v with %q", got, want, says)
	}
}

const (
	done   = pluginv1.Outcome_OUTCOME_DONE
	retry  = pluginv1.Outcome_OUTCOME_RETRY
	reject = pluginv1.Outcome_OUTCOME_REJECT
)

// What `make run` shows: no server at all, and a mail that can be read with cat.
func TestSampleIntoMaildir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	h := plugintest.Start(t, newPlugin(), object(t, intoMaildir(path)))
	d := h.NewDelivery(completed(), toOps)
	for range 2 { // as after a crash of the router
		checkOutcome(t, h.Send(d)[0], done, "<"+d.GetId()+"@localhost>, 1000 samples")
	}
	got := mails(t, path)
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	header, text := parts(t, got[0])
	if text != sampleText || !strings.HasSuffix(got[0], "\n\n"+sampleText) {
		t.Errorf("got %q", got[0])
	}
	for name, want := range map[string]string{
		"From": "<pointsman@localhost>", "To": "<ops@example.com>", "Subject": "Measurement " + measurement + " statistics",
	} {
		if header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, header.Get(name), want)
		}
	}
}

func TestIntdashBySMTP(t *testing.T) {
	server := intdashtest.New(t)
	server.Add(measurement, intdashtest.Measurement{Project: project, Points: []intdashtest.Point{
		intdashtest.Float64(1, "10/distance", 1), intdashtest.Float64(2, "10/distance", 2), intdashtest.Float64(3, "10/distance", 6),
		intdashtest.Float64(4, "11/speed", 1000),
	}})
	smtp := mailtest.New(t, mailtest.Options{})
	h := plugintest.Start(t, newPlugin(), object(t, from(bySMTP(smtp.Port, smtp.Cert), server)))
	d := h.NewDelivery(completed(), `{"to":["ops@example.com"," Lab <lab@example.com>","ops@example.com"],"filter":["float64:10/distance"]}`)
	for range 2 {
		checkOutcome(t, h.Send(d)[0], done, "<"+d.GetId()+"@lab.example.com>, 3 samples")
	}
	got := smtp.Mails()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	header, text := parts(t, got[0].Text)
	if text != "Average: 3.000000\nUnbiased Variance: 7.000000\n" || header.Get("Message-Id") != "<"+d.GetId()+"@lab.example.com>" {
		t.Errorf("got %q", got[0].Text)
	}
	if diff := cmp.Diff([]string{"ops@example.com", "lab@example.com"}, got[0].To); diff != "" {
		t.Error(diff)
	}
}

func TestByExim(t *testing.T) {
	exim := mailtest.StartExim(t)
	h := plugintest.Start(t, newPlugin(), object(t, bySMTP(exim.Port, exim.Cert)))
	results := h.Deliver(completed(), toOps, `{"to":["nouser@example.com"]}`, `{"to":["defer@example.com"]}`,
		`{"to":["lab@example.com","nouser@example.com"]}`, `{"to":["lab@example.com","defer@example.com"]}`)
	checkOutcome(t, results[0], done, "1000 samples")
	checkOutcome(t, results[1], reject, "550 5.1.1 no such user")
	checkOutcome(t, results[2], retry, "451 4.3.0 try again later")
	checkOutcome(t, results[3], reject, "sent to lab@example.com, but mail server")
	checkOutcome(t, results[4], retry, "sent to lab@example.com, but mail server")
	for _, m := range exim.Mails(t, 3) {
		if _, text := parts(t, m); text != sampleText {
			t.Errorf("got %q", text)
		}
	}
}

// Which troubles with the data end a delivery, and which are tried again.
func TestOutcomesOfTheData(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault intdashtest.Fault
		want  pluginv1.Outcome
		after int64 // seconds
	}{
		{"bad request", intdashtest.Fault{Status: 400}, reject, 0},
		{"token refused", intdashtest.Fault{Status: 401}, reject, 0},
		{"forbidden", intdashtest.Fault{Status: 403}, reject, 0},
		{"no such measurement", intdashtest.Fault{Status: 404}, reject, 0},
		{"too many requests", intdashtest.Fault{Status: 429, Header: http.Header{"Retry-After": {"17"}}}, retry, 17},
		{"internal error", intdashtest.Fault{Status: 500}, retry, 0},
		{"unavailable", intdashtest.Fault{Status: 503, Header: http.Header{"Retry-After": {"5"}}}, retry, 5},
		{"malformed", intdashtest.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: "?\n"}, reject, 0},
		{"a page", intdashtest.Fault{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "?"}, retry, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, path := intdashtest.New(t), filepath.Join(t.TempDir(), "mail")
			server.Fail(c.fault)
			h := plugintest.Start(t, newPlugin(), object(t, from(intoMaildir(path), server)))
			got := h.Deliver(completed(), toOps)[0]
			checkOutcome(t, got, c.want, "intdash")
			if got.GetRetryAfter().GetSeconds() != c.after || len(mails(t, path)) != 0 {
				t.Errorf("after %v, mails %q", got.GetRetryAfter(), mails(t, path))
			}
		})
	}
}

// No mail ever shows statistics of a part of a series; the next attempt sends the whole.
func TestPartialDataIsNoMail(t *testing.T) {
	points := []intdashtest.Point{intdashtest.Float64(1, "a", 1), intdashtest.Float64(2, "a", 3)}
	for name, m := range map[string]intdashtest.Measurement{
		"cut":          {Points: points, CutAfter: 1},
		"in-band stop": {Points: append(points[:1:1], intdashtest.UnexpectedError())},
	} {
		t.Run(name, func(t *testing.T) {
			server, path := intdashtest.New(t), filepath.Join(t.TempDir(), "mail")
			server.Add(measurement, m)
			h := plugintest.Start(t, newPlugin(), object(t, from(intoMaildir(path), server)))
			d := h.NewDelivery(completed(), toOps)
			checkOutcome(t, h.Send(d)[0], retry, "intdash")
			if got := mails(t, path); len(got) != 0 {
				t.Errorf("got %q", got)
			}
			server.Add(measurement, intdashtest.Measurement{Points: points})
			checkOutcome(t, h.Send(d)[0], done, "2 samples")
		})
	}
}

func TestTexts(t *testing.T) {
	number := func(x float64) intdashtest.Point { return intdashtest.Float64(1, "a", x) }
	for _, c := range []struct {
		name, arguments string
		points          []intdashtest.Point
		want, subject   string
	}{
		{
			name: "none", want: "No data points: there is no number to make statistics of.\nMeasurement: " + measurement + "\n",
			arguments: `{"to":["a@example.com"],"body":"{{.Average}}"}`,
		},
		{
			name: "only NaN", points: []intdashtest.Point{number(math.NaN())},
			want: "No data points: there is no number to make statistics of.\nMeasurement: " + measurement + "\nSkipped: 1 (not a number or infinite)\n",
		},
		{name: "one", points: []intdashtest.Point{number(4)}, want: "Average: 4.000000\nUnbiased Variance: 0.000000\n"},
		{
			name: "some left out", want: "Average: 2.000000\nUnbiased Variance: 2.000000\nSkipped: 2 (not a number or infinite)\nVectors: 1 (several numbers in one sample)\nNot converted: 1 (reported by the server)\n",
			points: []intdashtest.Point{
				number(1), number(math.Inf(-1)), number(math.NaN()), number(3),
				{Type: "float64", Name: "a", Payload: make([]byte, 16)},
				{Type: "jpeg", Name: "b", Payload: []byte{1}},
				intdashtest.ConvertedError(),
			},
		},
		{
			name: "template", points: []intdashtest.Point{number(1), number(4)},
			arguments: `{"to":["a@example.com"],"subject":"計測完了: 平均 {{.Average}}","body":"{{.Subject}}: {{printf \"%.1f\" .Min}}..{{printf \"%.1f\" .Max}}, {{.Count}} samples of {{.Measurement}}"}`,
			want:      "計測完了: 平均 2.500000: 1.0..4.0, 2 samples of " + measurement, subject: "=?utf-8?b?6KiI5ris5a6M5LqGOiDlubPlnYcgMi41MDAwMDA=?=",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, path := intdashtest.New(t), filepath.Join(t.TempDir(), "mail")
			server.Add(measurement, intdashtest.Measurement{Points: c.points})
			h := plugintest.Start(t, newPlugin(), object(t, from(intoMaildir(path), server)))
			if c.arguments == "" {
				c.arguments = toOps
			}
			checkOutcome(t, h.Deliver(completed(), c.arguments)[0], done, "samples")
			header, text := parts(t, mails(t, path)[0])
			if diff := cmp.Diff(c.want, text); diff != "" {
				t.Error(diff)
			}
			if c.subject != "" && header.Get("Subject") != c.subject {
				t.Errorf("subject %q", header.Get("Subject"))
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	server := intdashtest.New(t)
	server.Add(measurement, intdashtest.Measurement{Points: []intdashtest.Point{
		intdashtest.Float64(1, "a", math.MaxFloat64), intdashtest.Float64(1, "a", -math.MaxFloat64),
	}})
	h := plugintest.Start(t, newPlugin(), object(t, from(intoMaildir(filepath.Join(t.TempDir(), "mail")), server)))
	checkOutcome(t, h.Deliver(completed(), toOps)[0], reject, "too large for their statistics")
}

func TestBadArguments(t *testing.T) {
	server := intdashtest.New(t)
	server.Add(measurement, intdashtest.Measurement{})
	h := plugintest.Start(t, newPlugin(), object(t, from(intoMaildir(filepath.Join(t.TempDir(), "mail")), server)))
	for arguments, says := range map[string]string{
		`{"to":[]}`:                                                                    "to: 0 addresses",
		`{"to":["a@example.com","nobody","b@"]}`:                                       `to[1]: "nobody" is not a mail address`,
		`{"to":["a@example.com"],"subject":"{{.Foo}}"}`:                                "subject:1:2:",
		`{"to":["a@example.com"],"body":"a\n{{range .Count}}{{end}}"}`:                 "body:2:8: range cannot be used here",
		`{"to":["a@example.com"],"filter":["distance"]}`:                               `filter[0]: filter "distance" is not`,
		`{"to":["a@example.com"],"filter":["string:a"]}`:                               `asks for type "string"`,
		`{"to":["a@example.com"],"project":"../secret"}`:                               "is not a project's UUID",
		`{"to":["a@example.com"],"measurement":"other"}`:                               "404",
		fmt.Sprintf(`{"to":[%s"a@example.com"]}`, strings.Repeat(`"x@y.z",`, 100)):     "to: 101 addresses",
		`{"to":["a@example.com"],"body":"` + strings.Repeat("x", maxTemplate+1) + `"}`: "body: longer than",
	} {
		checkOutcome(t, h.Deliver(completed(), arguments)[0], reject, says)
	}
	checkOutcome(t, h.Deliver(plugintest.Event(), toOps)[0], reject, "the event names none")
	checkOutcome(t, h.Deliver(plugintest.Event(), `{"to":["a@example.com"],"measurement":"`+measurement+`"}`)[0], done, "0 samples")
	if got := server.Requests()[len(server.Requests())-1].Path; got != "/api/v1/data" {
		t.Errorf("without a project the request was %s", got)
	}
}

// Sample data needs no measurement.
func TestSampleOfAnyEvent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	h := plugintest.Start(t, newPlugin(), object(t, intoMaildir(path)))
	checkOutcome(t, h.Deliver(plugintest.Event(), toOps)[0], done, "1000 samples")
	if header, _ := parts(t, mails(t, path)[0]); header.Get("Subject") != "Sample statistics" {
		t.Errorf("got %v", header)
	}
}

// Servers that repeat credentials in their errors must not bring them into results or the log.
func TestSecretsStayInside(t *testing.T) {
	server := intdashtest.New(t)
	smtp := mailtest.New(t, mailtest.Options{})
	for name, change := range map[string]func(map[string]any){
		"wrong token": func(s map[string]any) {
			from(s, server)["intdash"].(map[string]any)["token"] = "canary-wrong-token"
		},
		"wrong client": func(s map[string]any) {
			from(s, server)["intdash"] = map[string]any{"url": server.URL, "client_id": "x", "client_secret": "canary-wrong-secret"}
		},
		"wrong password": func(s map[string]any) { s["smtp"].(map[string]any)["password"] = "canary-wrong-password" },
	} {
		t.Run(name, func(t *testing.T) {
			settings := bySMTP(smtp.Port, smtp.Cert)
			change(settings)
			h := plugintest.Start(t, newPlugin(), object(t, settings))
			got := h.Deliver(completed(), toOps)[0]
			checkOutcome(t, got, reject, "(sensitive)")
			if strings.Contains(got.String()+h.Log(), "canary") {
				t.Errorf("shown: %v\n%s", got, h.Log())
			}
		})
	}
}
