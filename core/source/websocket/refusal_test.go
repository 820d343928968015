package websocket

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Every refusal helps the client, except the one about tokens, which would help an attacker.
func TestRefusalDetail(t *testing.T) {
	for _, p := range refusals() {
		w := httptest.NewRecorder()
		id, length := p.write(w)
		var got struct{ Code, Detail, Request_ID string } //nolint:revive // encoding/json matches the name
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != p.status || got.Code != p.code || got.Request_ID != id || length != w.Body.Len() {
			t.Errorf("%s: status %d, length %d, %s", p.code, w.Code, length, w.Body)
		}
		if (got.Detail == "") != (p.status == http.StatusUnauthorized) {
			t.Errorf("%s: detail %q", p.code, got.Detail)
		}
		if p == refusedRoomName && !strings.Contains(got.Detail, "?room=<name>") {
			t.Errorf("detail %q does not name the parameter", got.Detail)
		}
	}
}
