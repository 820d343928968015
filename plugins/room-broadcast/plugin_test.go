package main

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

const (
	done   = pluginv1.Outcome_OUTCOME_DONE
	retry  = pluginv1.Outcome_OUTCOME_RETRY
	reject = pluginv1.Outcome_OUTCOME_REJECT
)

// gatewaySettings returns settings for a server with changes; nil removes a setting.
func gatewaySettings(t *testing.T, s *amazontest.Gateway, changes map[string]any) string {
	t.Helper()
	block := map[string]any{
		"endpoint": s.Endpoint, "region": amazontest.Region, "access_key": amazontest.AccessKey, "secret_key": amazontest.SecretKey,
		"session_token": amazontest.SessionToken, "table": amazontest.Table, "dynamodb_endpoint": s.DynamoDB,
	}
	maps.Copy(block, changes)
	maps.DeleteFunc(block, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(map[string]any{"apigateway": block})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestConformanceNative(t *testing.T) {
	plugintest.Run(t, newPlugin(), plugintest.Conformance{
		Settings:  `{"source":"chat"}`,
		Arguments: `{"room":"lobby","json":"{}","except":"c","include_sender":true,"envelope":true}`,
	})
}

func TestConformanceGateway(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("lobby", "c-1", "c-2", "c-3")
	bad := func(name string, v any) string { return gatewaySettings(t, s, map[string]any{name: v}) }
	plugintest.Run(t, newPlugin(), plugintest.Conformance{
		Settings: gatewaySettings(t, s, nil),
		Failing:  gatewaySettings(t, s, map[string]any{"secret_key": "canary-wrong-secret-key"}),
		BadSettings: map[string]string{
			"apigateway.endpoint":          bad("endpoint", "wss://abc.execute-api.eu-west-1.amazonaws.com/dev"),
			"apigateway.region":            bad("region", "Ire land"),
			"apigateway.table":             bad("table", nil),
			"apigateway.index":             bad("index", ""),
			"apigateway.dynamodb_endpoint": bad("dynamodb_endpoint", "dynamodb:8000"),
			"apigateway.access_key":        bad("secret_key", nil),
			"source":                       `{"source":"chat",` + gatewaySettings(t, s, nil)[1:],
		},
		Arguments: `{"text":"hello"}`,
	})
}

func TestBinary(t *testing.T) {
	plugintest.Binary(t, plugintest.Build(t, "."))
}

func TestCheck(t *testing.T) {
	s := amazontest.NewGateway(t)
	for name, tt := range map[string]struct {
		settings string
		want     []string // "severity path: summary"
	}{
		"nothing":        {`{}`, nil},
		"gateway":        {gatewaySettings(t, s, nil), nil},
		"clear text":     {gatewaySettings(t, s, map[string]any{"endpoint": "http://api.example/dev"}), []string{"warning apigateway.endpoint: requests will cross the network in clear text"}},
		"too long":       {gatewaySettings(t, s, map[string]any{"endpoint": "https://api.example/dev/@connections"}), []string{"error apigateway.endpoint: want the stage alone"}},
		"for clients":    {gatewaySettings(t, s, map[string]any{"endpoint": "wss://api.example/dev"}), []string{"error apigateway.endpoint: this is where clients connect"}},
		"no keys":        {gatewaySettings(t, s, map[string]any{"access_key": nil, "secret_key": nil, "session_token": nil}), nil},
		"token, no keys": {gatewaySettings(t, s, map[string]any{"access_key": nil, "secret_key": nil}), []string{"error apigateway.session_token: session_token needs access_key and secret_key"}},
		"unknown partition": {gatewaySettings(t, s, map[string]any{"endpoint": "https://a.execute-api.us-isog-east-1.example/dev", "region": "us-isog-east-1", "dynamodb_endpoint": nil}), []string{
			"error apigateway.endpoint: the host is in no AWS partition known here", `error apigateway.region: "us-isog-east-1" is in no AWS partition known here`,
		}},
		"sovereign cloud":  {gatewaySettings(t, s, map[string]any{"endpoint": "https://a.execute-api.eusc-de-east-1.amazonaws.eu/dev", "region": "eusc-de-east-1", "dynamodb_endpoint": nil}), nil},
		"query in the URL": {gatewaySettings(t, s, map[string]any{"endpoint": "https://api.example/dev?x=1"}), []string{"error apigateway.endpoint: want the URL of a server"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range plugintest.Open(t, newPlugin()).Configure(tt.settings, true) {
				severity := "error"
				if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_WARNING {
					severity = "warning"
				}
				got = append(got, severity+" "+d.GetPath()+": "+d.GetSummary())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNative(t *testing.T) {
	h := plugintest.Start(t, newPlugin(), `{"source":"chat"}`)
	results := h.Deliver(published(`{"room":"chat:3","data":"some message."}`), `{}`, `{"connection_id":"you=","text":"psst","envelope":false}`,
		`{"base64":"AP8="}`, `{"connection_id":"you=","base64":"AP8="}`, `{"json":"{"}`)
	want := []*pluginv1.Result{
		{
			Outcome: done, Receipt: `46 bytes to room "chat:3"`,
			Effects: []*pluginv1.Effect{{Effect: &pluginv1.Effect_RoomBroadcast{RoomBroadcast: &pluginv1.RoomBroadcast{
				Source: "chat", Room: "chat:3", ExceptConnectionId: "me=", Data: []byte(`{"data":"some message.","received":1647007498}`),
			}}}},
		},
		{
			Outcome: done, Receipt: `4 bytes to connection "you="`,
			Effects: []*pluginv1.Effect{{Effect: &pluginv1.Effect_RoomSend{RoomSend: &pluginv1.RoomSend{
				Source: "chat", ConnectionId: "you=", Data: []byte("psst"),
			}}}},
		},
		{
			Outcome: done, Receipt: `2 bytes to room "chat:3"`,
			Effects: []*pluginv1.Effect{{Effect: &pluginv1.Effect_RoomBroadcast{RoomBroadcast: &pluginv1.RoomBroadcast{
				Source: "chat", Room: "chat:3", ExceptConnectionId: "me=", Data: []byte("\x00\xff"), Binary: true,
			}}}},
		},
		{
			Outcome: done, Receipt: `2 bytes to connection "you="`,
			Effects: []*pluginv1.Effect{{Effect: &pluginv1.Effect_RoomSend{RoomSend: &pluginv1.RoomSend{
				Source: "chat", ConnectionId: "you=", Data: []byte("\x00\xff"), Binary: true,
			}}}},
		},
		{Outcome: reject, Message: "json: this is not JSON: write json = jsonencode(...), or use text"},
	}
	if diff := cmp.Diff(want, results, protocmp.Transform(), protocmp.IgnoreFields(&pluginv1.Result{}, "id")); diff != "" {
		t.Error(diff)
	}
}

func TestGateway(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "me=", "you=", "they=")
	s.Fail("they=", amazontest.Broken)
	h := plugintest.Start(t, newPlugin(), gatewaySettings(t, s, nil))
	deliver := func(env *pointsmanv1.Envelope, arguments string, want ...pluginv1.Outcome) {
		t.Helper()
		d := h.NewDelivery(env, arguments)
		for _, outcome := range want {
			r := h.Send(d)[0]
			if r.GetOutcome() != outcome || len(r.GetEffects()) > 0 {
				t.Errorf("attempt %d: %v", d.GetAttempt(), r)
			}
			d.Attempt++
		}
	}
	deliver(published(`{"room":"chat:3","data":"some message."}`), `{}`, retry, done, done)
	deliver(connected(), `{"connection_id":"you=","text":"psst","envelope":false}`, done)
	deliver(connected(), `{"connection_id":"gone=","text":"psst"}`, done)
	deliver(published(`hello`), `{}`, reject)
	s.Fail("you=", amazontest.Forbidden)
	deliver(connected(), `{"connection_id":"you=","text":"x"}`, reject)
	const frame = `{"data":"some message.","received":1647007498}`
	for connection, want := range map[string][]string{"you=": {frame, "psst"}, "they=": {frame}, "me=": {}} {
		if diff := cmp.Diff(want, s.Frames(connection)); diff != "" {
			t.Errorf("%s: %s", connection, diff)
		}
	}
}
