package apigateway

import (
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
)

// Whatever an integration sends is refused or becomes an event that can be stored.
func FuzzRequest(f *testing.F) {
	f.Add("R1kmxc2VNjMCFIA=", "MESSAGE", "$default", "m-1", "1714564800000", "", "", []byte(`{"room":"chat:3","data":1}`))
	f.Add("a=", "MESSAGE", "shout", "m-1", "", "", "true", []byte("AP8="))
	f.Add("a=", "CONNECT", "$connect", "", "", "", "", []byte(nil))
	f.Add("a=", "DISCONNECT", "$disconnect", "", "", "1001", "", []byte("\xff"))
	g := newGateway(f)
	p := &protocol{Source: prepare(f, g, settingsOf(f, g.URL, map[string]any{"binary": true}, nil)).Source}
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
		header[roomFound] = []string{"chat:3"}
		events, err := p.Decode(header, body, time.Unix(1714564800, 0))
		if err != nil {
			return
		}
		if len(events) != 1 || len(events[0].Keys) != 1 || events[0].Envelope.GetSubject() != "chat:3" {
			t.Fatalf("events %v", events)
		}
		if _, err := proto.Marshal(events[0].Envelope); err != nil {
			t.Error(err)
		}
	})
}
