package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

var update = flag.Bool("update", false, "write what is sent now to testdata/golden")

// TestGolden posts each case of testdata/golden, name.json, and compares the bytes that Slack gets with name.payload, or what
// the rejection says with name.rejected. A new case is a new file, and -update.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".json")
		t.Run(filepath.Base(name), func(t *testing.T) {
			c := readCase(t, file)
			bubble(t, slacktest.Options{}, c.Settings, func(t *testing.T, r *rig) {
				result := r.Deliver(c.envelope(t), string(c.Arguments))[0]
				switch sent := r.slack.Accepted(); {
				case result.GetOutcome() == reject && len(sent) == 0:
					compare(t, name+".rejected", []byte(result.GetMessage()+"\n"))
				case result.GetOutcome() == done && len(sent) == 1:
					compare(t, name+".payload", sent[0].Body)
				default:
					t.Errorf("%v, and %d messages", result, len(sent))
				}
			})
		})
	}
}

type golden struct {
	Settings  map[string]any  `json:"settings"`
	Arguments json.RawMessage `json:"arguments"`
	Event     json.RawMessage `json:"event"` // an envelope; default: the seed's
}

func readCase(t *testing.T, file string) (c golden) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c golden) envelope(t *testing.T) *pointsmanv1.Envelope {
	t.Helper()
	if c.Event == nil {
		return notification()
	}
	env := new(pointsmanv1.Envelope)
	if err := protojson.Unmarshal(c.Event, env); err != nil {
		t.Fatal(err)
	}
	return env
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// What the webhook clients before this one posted for an SNS message, byte for byte, with the colons that Slack documents.
func TestDefaultPayload(t *testing.T) {
	const earlier = `{"text":"SNS Notification","channel":"general","username":"slack-webhook-client","icon_emoji":"+1","attachments":[{"fallback":"SNS Notification","text":"","pretext":"reporting-topic","color":"good","fields":[{"title":"message","value":"test message","short":false},{"title":"timestamp","value":"2024-05-01T12:34:57Z","short":false}]}]}`
	want := strings.Replace(earlier, `"+1"`, `":+1:"`, 1)
	if len(earlier) != 335 {
		t.Errorf("the payload has 335 bytes, not %d", len(earlier))
	}
	bubble(t, slacktest.Options{}, map[string]any{"channel": "general"}, func(t *testing.T, r *rig) {
		result := r.Deliver(notification(), `{}`)[0]
		if result.GetOutcome() != done || !strings.HasPrefix(result.GetReceipt(), "ok 20") {
			t.Errorf("got %v", result)
		}
		if diff := cmp.Diff(want, string(r.slack.Accepted()[0].Body)); diff != "" {
			t.Error(diff)
		}
	})
}
