package apigateway

import (
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
)

// Whatever an integration sends is refused or becomes an event that can be stored.
func FuzzRequest(f *testing.F) {
	f.Add("R1kmxc2VNjMCFIA=", "MESSAGE", "$default", "m-1", "1714564800000", "", "", []byte(`{"room":"chat:3","data":1}`))
	f.Add("a=", "MESSAGE", "shout", "m-1", "", "", "true", []byte("AP8="))
	f.Add("a=", "CONNECT", "$connect", "", "", "", "", []byte(nil))
	f.Add("a=", "DISCONNECT", "$disconnect", "", "", "1001", "", []byte("\xff"))
	g := amazontest.NewGateway(f)
	s := prepare(f, g, settingsOf(f, g.Endpoint, map[string]any{"binary": true}, nil)).Source
	f.Fuzz(func(t *testing.T, connection, event, route, message, at, code, encoded string, body []byte) {
		header := http.Header{}
		for name, value := range map[string]string{
			headerConnection: connection, headerEvent: event, headerRoute: route, headerMessage: message, headerRequestTime: at,
			headerCloseCode: code, headerBase64: encoded, headerSourceIP: message, headerStage: route,
		} {
			if value != "" {
				header[name] = []string{value}
			}
		}
		q, err := parse(header)
		if err != nil {
			return
		}
		q.at = time.Unix(1714564800, 0)
		m, err := parseMessage(body, q.base64)
		if err != nil {
			return
		}
		e := (&call{Source: s, request: q, body: body}).newEvent("chat:3", &m)
		if len(e.Keys) != 1 || e.Envelope.GetSubject() != "chat:3" {
			t.Fatalf("event %v", e)
		}
		if _, err := proto.Marshal(e.Envelope); err != nil {
			t.Error(err)
		}
	})
}
