package admin

import (
	"testing"

	"google.golang.org/protobuf/proto"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// dataCases are envelopes and what rules read as event.data of them.
var dataCases = map[string]struct {
	envelope *pointsmanv1.Envelope
	want     string
}{
	"free JSON stays as it was written": {
		&pointsmanv1.Envelope{Data: &pointsmanv1.Envelope_Json{Json: &pointsmanv1.Json{Text: []byte(`{"n": 12345678901234567890, "a": [1]}`)}}},
		`{"n": 12345678901234567890, "a": [1]}`,
	},
	"a list of messages, and text that looks like markup": {
		&pointsmanv1.Envelope{Data: &pointsmanv1.Envelope_Sns{Sns: &pointsmanv1.SnsNotification{
			Message: "<a & b>", MessageJson: &pointsmanv1.Json{Text: []byte(`{"x":1}`)},
			Attributes: []*pointsmanv1.SnsAttribute{{Name: "n", Type: "String", Value: "v"}, {Name: "m"}},
		}}},
		`{"topic_arn":"","topic":"","message_id":"","subject":"","message":"<a & b>","message_json":{"x":1},"attributes":` +
			`[{"name":"n","type":"String","value":"v"},{"name":"m","type":"","value":""}],"timestamp":""}`,
	},
	"what is missing is null, numbers are numbers": {
		&pointsmanv1.Envelope{Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{Room: "r\n", CloseCode: 1001}}},
		`{"event_type":"","connection_id":"","room":"r\n","route_key":"","text":"","body":null,"source_ip":"","close_code":1001}`,
	},
	"large sizes are exact": {
		&pointsmanv1.Envelope{Data: &pointsmanv1.Envelope_S3{S3: &pointsmanv1.S3Event{Object: &pointsmanv1.S3Object{Size: proto.Int64(1<<53 + 1)}}}},
		`{"event_name":"","dialect":"","region":"","object":{"bucket":"","key":"","size":9007199254740993,"etag":"","version_id":"","sequencer":"","sequence":""},` +
			`"configuration_id":"","principal_id":"","source_ip":"","request_id":""}`,
	},
	"text that is no JSON": {
		&pointsmanv1.Envelope{Data: &pointsmanv1.Envelope_Json{Json: &pointsmanv1.Json{Text: []byte(`{`)}}}, `null`,
	},
	"nothing decoded": {&pointsmanv1.Envelope{Body: []byte("x")}, ``},
}

func TestDataJSON(t *testing.T) {
	for name, tt := range dataCases {
		t.Run(name, func(t *testing.T) {
			if got := dataJSON(tt.envelope); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
