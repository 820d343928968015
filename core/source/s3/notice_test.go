package s3

import (
	"strings"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestSizesAndTags(t *testing.T) {
	for written, want := range map[string]int64{
		`0`: 0, `"0"`: 0, `1024`: 1024, `"1024"`: 1024, `50000000000000`: 5e13,
		`-1`: -1, `"-1"`: -1, `1.5`: -1, `1e3`: -1, `""`: -1, `null`: -1, `true`: -1, `{}`: -1, `"1 KB"`: -1, `99999999999999999999`: -1, `9223372036854775807`: -1,
	} {
		object := decodeOne(t, bodyOf(changed(t, `"size":1024`, `"size":`+written)), DecodeOptions{}).Envelope.GetS3().GetObject()
		if want < 0 && object.Size != nil || want >= 0 && (object.Size == nil || object.GetSize() != want) {
			t.Errorf("size %s: %v, want %d", written, object.Size, want)
		}
	}
	for written, want := range map[string]string{`"x"`: "x", `"\"x\""`: "x", `null`: "", `""`: "", `"\""`: `"`, `"\"\""`: "", `7`: ""} {
		object := decodeOne(t, bodyOf(changed(t, `"9a0364"`, written)), DecodeOptions{}).Envelope.GetS3().GetObject()
		if object.GetEtag() != want {
			t.Errorf("eTag %s: %q, want %q", written, object.GetEtag(), want)
		}
	}
	bare := bodyOf(`{"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","eventTime":null,"responseElements":null,"userIdentity":null,"s3":{"bucket":{"name":"b"},"object":{"key":"k","sequencer":null,"versionId":null}}}`)
	event := decodeOne(t, bare, DecodeOptions{})
	want := &pointsmanv1.S3Event{EventName: "ObjectRemoved:Delete", Dialect: "aws", Object: &pointsmanv1.S3Object{Bucket: "b", Key: "k"}}
	if got := event.Envelope.GetS3(); got.String() != want.String() {
		t.Errorf("the least that a record can hold: %v, want %v", got, want)
	}
	if event.Keys[0].Window != source.ShortWindow || event.Envelope.GetTimeUnixNano() != 0 {
		t.Errorf("nothing tells this event from the next of its kind: window %s, want %s", event.Keys[0].Window, source.ShortWindow)
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]int64{
		"2024-05-01T12:34:56.789Z": 1714566896789000000, "2026-11-22T04:27:39.847889Z": 1795321659847889000, "2024-05-01T21:34:56+09:00": 1714566896000000000,
		"": 0, "yesterday": 0, "1677-01-01T00:00:00Z": 0, "2262-12-31T00:00:00Z": 0,
	} {
		event := decodeOne(t, bodyOf(changed(t, "2024-05-01T12:34:56.789Z", text)), DecodeOptions{})
		if got := event.Envelope.GetTimeUnixNano(); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func TestIDs(t *testing.T) {
	id := func(body string) string { return decodeOne(t, body, DecodeOptions{}).Envelope.GetId() }
	base := id(bodyOf(putRecord))
	if id(bodyOf(putRecord)) != base || id(" "+bodyOf(putRecord)+"\n") != base {
		t.Error("the same record has two ids")
	}
	if other := id(bodyOf(changed(t, "a.txt", "a%2Etxt"))); other != base {
		t.Error("the same key written in another way has another id")
	}
	for name, pairs := range map[string][]string{
		"key": {"a.txt", "b.txt"}, "bucket": {`"name":"src"`, `"name":"dst"`}, "name": {"ObjectCreated:Put", "ObjectCreated:Copy"}, "version": {"3HL4", "3HL5"},
		"sequencer": {"0055AED6", "0055AED7"}, "request": {"C3D13FE58DE4C810", "C3D13FE58DE4C811"}, "store": {"aws:s3", "ceph:s3"},
		"parts that run into each other": {`"name":"src"`, `"name":"srca"`, `a.txt`, `.txt`},
	} {
		if id(bodyOf(changed(t, pairs...))) == base {
			t.Errorf("another %s, the same id", name)
		}
	}
	for name, pairs := range map[string][]string{"time": {"12:34:56", "12:34:57"}, "eTag": {"9a0364", "9a0365"}, "region": {"eu-west-1", "eu-west-2"}} {
		if id(bodyOf(changed(t, pairs...))) != base {
			t.Errorf("another %s, another id: a sequencer and a request are enough", name)
		}
	}
	for _, tt := range []struct {
		name, example, old, new string
		same                    bool
	}{
		{"versitygw started again", "versitygw-put", "03:10:15Z", "05:00:00Z", false},
		{"versitygw, another content", "versitygw-put", "6eaada", "7eaada", false},
		{"VK Cloud, another content in one second", "vk-put", "9a0364", "9a0365", false},
		{"MinIO, Get and Head of one version", "minio-get", "ObjectAccessed:Get", "ObjectAccessed:Head", false},
		{"EventBridge says its id", "eventbridge-created", `"size":5`, `"size":6`, true},
		{"EventBridge, another id", "eventbridge-created", "a3f0c1de", "a3f0c1df", false},
		{"EventBridge, an id that is none", "eventbridge-created", "a3f0c1de", "../a3f0c1de", false},
	} {
		body := recorded(t, tt.example)
		if got := id(body) == id(strings.ReplaceAll(body, tt.old, tt.new)); got != tt.same {
			t.Errorf("%s: same id %t", tt.name, got)
		}
	}
	// Without sequencer and request id, the time distinguishes events.
	omitted := []string{`"C3D13FE58DE4C810"`, `""`, `"0055AED6"`, `null`}
	first, second := decodeOne(t, bodyOf(changed(t, omitted...)), DecodeOptions{Window: time.Hour}), id(bodyOf(changed(t, append(omitted, "12:34:56", "12:34:57")...)))
	if first.Envelope.GetId() == second || first.Keys[0].Window != time.Hour {
		t.Errorf("two taggings at different times are one event, window %s", first.Keys[0].Window)
	}
}

// Stores whose times are always in UTC may omit the zone. Otherwise the time of the SNS message or a sequencer that is a time
// takes the place of a time that is missing or ambiguous.
func TestTimesWithoutZone(t *testing.T) {
	const noon, zoneless = 1714566896789000000, "2024-05-01T12:34:56.789"
	for _, store := range []string{"aws:s3", "minio:s3", "ceph:s3"} {
		for _, text := range []string{zoneless, "2024-05-01 12:34:56.789"} {
			event := decodeOne(t, bodyOf(changed(t, "aws:s3", store, "2024-05-01T12:34:56.789Z", text)), DecodeOptions{})
			if got := event.Envelope.GetTimeUnixNano(); got != noon {
				t.Errorf("%s, %q is %d, want %d", store, text, got, int64(noon))
			}
		}
	}
	vk := recorded(t, "vk-put")
	for _, tt := range []struct {
		name, body string
		want       int64
	}{
		{"versitygw", strings.Replace(recorded(t, "versitygw-put"), "03:10:15Z", "03:10:15", 1), 1795317015000000000},
		{"EventBridge", strings.Replace(recorded(t, "eventbridge-created"), `Z","region"`, `","region"`, 1), decodeOne(t, recorded(t, "eventbridge-created"), DecodeOptions{}).Envelope.GetTimeUnixNano()},
		{"VK Cloud sends no time", vk, 1714554896000000000},
		{"VK Cloud, unknown zone", strings.Replace(vk, `"eventVersion"`, `"eventTime":"`+zoneless+`","eventVersion"`, 1), 0},
		{"VK Cloud, not a time", strings.Replace(vk, "1714554896", "99999999999999999", 1), 0},
	} {
		if got := decodeOne(t, tt.body, DecodeOptions{}).Envelope.GetTimeUnixNano(); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	for text, want := range map[string]int64{zoneless: noon, "": 1777777777000000000, "yesterday": 1777777777000000000} {
		m := &snsmessage.Message{
			Type: snsmessage.Notification, Timestamp: "2026-05-03T03:09:37.000Z", Message: bodyOf(changed(t, "2024-05-01T12:34:56.789Z", text)),
		}
		events, err := decodeSNS(dialectAuto, m, DecodeOptions{})
		if err != nil || events[0].Envelope.GetTimeUnixNano() != want {
			t.Errorf("%q over SNS: %v, %v, want %d", text, events, err, want)
		}
	}
}
