package benchplan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/trial/testbed"
)

// The rules stand in the proportions of a small installation: some take most events, some few, and one none.
const config = `
source "s3" "uploads" {
  tokens = [env("TRIAL_TOKEN")]
}

source "websocket" "floor" {
  tokens = [env("TRIAL_TOKEN")]
}

plugin "noop" "sink" {}

rule "images" {
  on   = ["uploads"]
  when = startswith(event.data.object.key, "images/") && endswith(event.data.object.key, ".jpg") && event.data.object.size > bytes(%q)
  dispatch "sink" { text = "${event.data.object.key}: ${humanbytes(event.data.object.size)}" }
}

rule "videos" {
  on   = ["uploads"]
  when = startswith(event.data.object.key, "videos/")
  dispatch "sink" { text = event.data.object.key }
}

rule "logs" {
  on   = ["uploads"]
  when = endswith(event.data.object.key, ".log")
  dispatch "sink" { text = upper(event.data.object.key) }
}

rule "never" {
  on   = ["uploads"]
  when = event.data.object.bucket == "another"
  dispatch "sink" { text = event.data.object.key }
}

rule "hot" {
  on   = ["floor"]
  when = event.data.body.kind == "reading" && event.data.body.celsius > %d
  dispatch "sink" { text = "${event.data.body.machine} has ${event.data.body.celsius} degrees" }
}

rule "team" {
  for_each = ["a", "b", "c", "d"]
  on       = ["floor"]
  when     = event.data.body.team == each.value && event.data.body.kind == "alarm"
  dispatch "sink" { text = event.data.body.text }
}

rule "every" {
  on   = ["uploads", "floor"]
  when = true
  dispatch "sink" { text = event.type }
}
`

func newBench(o options, dir string) (*bench, error) {
	now, planned := fmt.Sprintf(config, "1 MiB", 80), fmt.Sprintf(config, "2 MiB", 90)
	router, err := testbed.NewRouter(o.bin, dir, now, "TRIAL_TOKEN=only-for-the-trial-of-plans-012345")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, router: router, same: filepath.Join(dir, "config.hcl"), change: filepath.Join(dir, "changed.hcl")}
	text, err := os.ReadFile(b.same)
	if err != nil {
		return nil, err
	}
	return b, os.WriteFile(b.change, []byte(strings.Replace(string(text), now, planned, 1)), 0o600)
}

// complete checks that a plan has compared every event.
func (b *bench) complete(out string) error {
	if want := fmt.Sprintf("Plan: %s events; ", humanize.Comma(int64(b.events))); !strings.Contains(out, want) {
		return fmt.Errorf("the plan does not say %q:\n%s", want, out)
	}
	return nil
}

// fill stores events with the deliveries that the configuration at path makes of them.
func fill(ctx context.Context, journalPath, path string, events int) (err error) {
	off := app.LoadOffline(ctx, app.Options{Paths: []string{path}})
	if off.Diagnostics.HasErrors() {
		return errors.Join(errors.New("the configuration of the trial is wrong"), off.Diagnostics.WriteText(os.Stderr, 100, false))
	}
	j, err := sqlite.Open(ctx, journalPath, sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	const batch = 1000
	for first := 0; first < events; first += batch {
		var entries []journal.Entry
		for i := first; i < min(first+batch, events); i++ {
			e, err := entry(off, i)
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		if _, err := j.Append(ctx, journal.Disk, entries); err != nil {
			return err
		}
	}
	return nil
}

// entry is the n-th event, as the router would store it.
func entry(off *app.Offline, n int) (out journal.Entry, err error) {
	name, sample := "uploads", source.Sample{Body: []byte(s3Body(n)), Received: time.Now()}
	if n%2 == 1 {
		name, sample.Body = "floor", []byte(floorBody(n))
		sample.Client = &source.Client{Room: "hall"}
	}
	events, err := off.DecodeBody(name, sample)
	if err != nil {
		return out, err
	}
	env := events[0]
	env.Id = fmt.Sprint("event-", n)
	out = journal.Entry{Source: name, ID: env.GetId(), Type: env.GetType(), Subject: env.GetSubject(), Received: sample.Received}
	if out.Envelope, err = proto.Marshal(env); err != nil {
		return out, err
	}
	for _, d := range off.Rules.Match(env) {
		if d.Err != nil {
			return out, d.Err
		}
		out.Deliveries = append(out.Deliveries, journal.NewDelivery{
			Rule: d.Rule, Plugin: d.Plugin, Arguments: d.Arguments, OrderKey: d.OrderKey, Policy: *d.Policy, Generation: 1,
		})
	}
	return out, nil
}

// s3Body is a notification of one object as MinIO posts it.
func s3Body(n int) string {
	key := []string{"images/%d.jpg", "videos/%d.mp4", "app/%d.log", "data/%d.csv"}[n/2%4]
	return fmt.Sprintf(`{"EventName":"s3:ObjectCreated:Put","Key":"lab/x","Records":[{"eventVersion":"2.0","eventSource":"minio:s3","awsRegion":"",
"eventTime":"2026-11-27T10:00:00.000Z","eventName":"s3:ObjectCreated:Put","userIdentity":{"principalId":"lab"},
"requestParameters":{"principalId":"lab","region":"","sourceIPAddress":"10.0.0.7"},
"responseElements":{"x-amz-id-2":"dd9025bab4ad464b049177c95eb6ebf374d3b3fd1af9251148b658df7ac2e3e8","x-amz-request-id":"18A5D9F0C0A0FE9C"},
"s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":"lab","ownerIdentity":{"principalId":"lab"},"arn":"arn:aws:s3:::lab"},
"object":{"key":"%s","size":%d,"eTag":"d41d8cd98f00b204e9800998ecf8427e","contentType":"application/octet-stream","sequencer":"18A5D9F0C%07X"}},
"source":{"host":"10.0.0.7","port":"","userAgent":"MinIO (linux; amd64) minio-go/v7.0.95"}}]}`, strings.ReplaceAll(fmt.Sprintf(key, n), "/", "%2F"), n%4000*1024, n)
}

// floorBody is a message of a machine.
func floorBody(n int) string {
	kind := "reading"
	if n%20 == 1 {
		kind = "alarm"
	}
	return fmt.Sprintf(`{"kind":%q,"team":%q,"machine":"press-%d","celsius":%d.5,"text":"Machine %d says something that takes a line or two, as machines do when they are asked",
"position":{"hall":3,"row":%d},"tags":["a","b","c"],"firmware":"4.2.%d","uptime_seconds":%d}`, kind, string(rune('a'+n%5)), n%40, n%100, n%40, n%7, n%9, n)
}
