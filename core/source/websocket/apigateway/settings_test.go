package apigateway

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
)

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		changes, api map[string]any
		want         string
	}{
		"tokens":           {map[string]any{"tokens": []string{"x"}}, nil, "tokens: has no effect with mode"},
		"route":            {map[string]any{"route": "$request.body.action"}, nil, "route_selection_expression"},
		"ping_interval":    {map[string]any{"ping_interval": "5s"}, nil, "API Gateway maintains the connections"},
		"access_log":       {map[string]any{"access_log": "off"}, nil, "the API's stage writes one"},
		"routes":           {map[string]any{"routes": []string{"$connect"}}, nil, `routes: "$connect"`},
		"limits":           {map[string]any{"limits": map[string]any{"rate": 5}}, nil, "only message_bytes and age"},
		"message_bytes":    {map[string]any{"limits": map[string]any{"message_bytes": 200000}}, nil, "want 1 to 131072"},
		"age":              {map[string]any{"limits": map[string]any{"age": "1s"}}, nil, "limits.age"},
		"no block":         {map[string]any{"apigateway": nil}, nil, "requires the block apigateway"},
		"path":             {map[string]any{"path": "chat"}, nil, "must start with"},
		"clients' address": {nil, map[string]any{"endpoint": "wss://a.execute-api.us-east-1.amazonaws.com/dev"}, `write "https" in place of "wss"`},
		"no address":       {nil, map[string]any{"endpoint": "a.execute-api"}, "want the URL of a server"},
		"connections":      {nil, map[string]any{"endpoint": "https://a/dev/@connections"}, "Leave /@connections out"},
		"both lists":       {nil, map[string]any{"table": "connections"}, "either table"},
		"no list":          {nil, map[string]any{"file": nil}, "either table"},
		"table":            {nil, map[string]any{"file": nil, "table": "a b"}, "3 to 255"},
		"region":           {nil, map[string]any{"region": "the moon"}, "the name of a region"},
		"partition":        {nil, map[string]any{"region": "us-isog-east-1"}, "in no AWS partition known here"},
		"one key":          {nil, map[string]any{"secret_key": nil}, "go together"},
		"token alone":      {nil, map[string]any{"access_key": nil, "secret_key": nil, "session_token": "canary"}, "session_token needs"},
		"empty secrets":    {nil, map[string]any{"secrets": []string{""}}, "every secret is empty"},
	} {
		_, err := makeSource(settingsOf(t, "http://127.0.0.1:1/dev", c.changes, c.api), testDeps())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func testDeps() source.Deps {
	return source.Deps{Name: "chat", Intake: &memory{}, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry())}
}

func TestWarnings(t *testing.T) {
	raw := settingsOf(t, "http://api.example.com/dev", map[string]any{"require_membership": false}, map[string]any{"secrets": []string{"", "short", "it's-long-enough-to-be-a-secret"}})
	s, err := makeSource(raw, testDeps())
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(s.Info().Warnings, "\n")
	for _, want := range []string{"clear text", "require_membership", "secrets[0] is empty", "secrets[1] is 5 bytes long", "secrets[2] contains a '"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning %q in:\n%s", want, all)
		}
	}
}

// Events that come from no request say so too.
func TestSensitive(t *testing.T) {
	d := testDeps()
	d.Sensitive = true
	s, err := makeSource(settingsOf(t, "http://api.example.com/dev", nil, nil), d)
	if err != nil {
		t.Fatal(err)
	}
	if e := s.complete(staleDisconnect(row{connection: "a=", room: "r"}), time.Now()); !e.Envelope.GetSensitive() {
		t.Errorf("event %v", e.Envelope)
	}
}
