package apigateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/websocket"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// A client connects, its message becomes an event, a broadcast reaches the others, and it leaves.
func TestChat(t *testing.T) {
	f := newFixture(t, nil)
	now := f.clock().UnixNano()
	f.join("chat:3", "R1kmxc2VNjMCFIA=")
	stage := []*pointsmanv1.Attribute{{Name: "stage", Value: "dev"}}
	envelope := func(id, eventType string, data *pointsmanv1.WebSocketMessage, body, contentType string) *pointsmanv1.Envelope {
		data.ConnectionId, data.SourceIp, data.Room = "R1kmxc2VNjMCFIA=", "192.0.2.10", "chat:3"
		return &pointsmanv1.Envelope{
			Id: "R1kmxc2VNjMCFIA=-" + id, Source: "chat", Kind: "websocket", Type: eventType, Subject: "chat:3", TimeUnixNano: now, ReceivedUnixNano: now,
			Attributes: stage, Body: []byte(body), ContentType: contentType, VerifiedBy: "secret 1", Data: &pointsmanv1.Envelope_Websocket{Websocket: data},
		}
	}
	same := func(want *pointsmanv1.Envelope) {
		t.Helper()
		if diff := cmp.Diff(want, f.memory.last(), protocmp.Transform()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	same(envelope("connect", websocket.TypeConnect, &pointsmanv1.WebSocketMessage{EventType: "connect", RouteKey: "$connect"}, "", ""))

	const text = `{"message": "test", "room": "chat:3", "data": "some message."}`
	if code := f.post(text, messageHeaders("R1kmxc2VNjMCFIA=", "m-1")); code != http.StatusOK {
		t.Errorf("message: %d", code)
	}
	same(envelope("m-1", websocket.TypeMessage, &pointsmanv1.WebSocketMessage{
		EventType: "message", RouteKey: "$default", Text: text, Body: &pointsmanv1.Json{Text: []byte(text)},
	}, text, "application/json"))
	named := messageHeaders("R1kmxc2VNjMCFIA=", "m-2")
	named[headerRoute] = "shout"
	if code := f.post("not JSON", named); code != http.StatusOK {
		t.Errorf("message: %d", code)
	}
	same(envelope("m-2", websocket.TypeMessage, &pointsmanv1.WebSocketMessage{EventType: "message", RouteKey: "shout", Text: "not JSON"}, "not JSON", "text/plain; charset=utf-8"))

	f.join("chat:3", "a/b+c=", "c=")
	f.join("chat:4", "d=")
	f.Broadcast("chat:3", []byte(`{"data":1}`), false, "R1kmxc2VNjMCFIA=")
	for _, id := range []string{"a/b+c=", "c="} {
		until(t, id, func() bool { return slices.Equal(f.gateway.Frames(id), []string{`{"data":1}`}) })
	}
	if err := f.Send("d=", []byte("to you"), false); err != nil {
		t.Error(err)
	}
	until(t, "sent", func() bool { return len(f.gateway.Frames("d=")) == 1 })
	if got := f.gateway.Frames("R1kmxc2VNjMCFIA="); len(got) != 0 {
		t.Errorf("the sender received %q", got)
	}

	leave := disconnectHeaders("R1kmxc2VNjMCFIA=")
	leave[headerCloseCode] = "1001"
	if code := f.post("", leave); code != http.StatusOK {
		t.Errorf("disconnect: %d", code)
	}
	same(envelope("disconnect", websocket.TypeDisconnect, &pointsmanv1.WebSocketMessage{EventType: "disconnect", RouteKey: "$disconnect", CloseCode: 1001}, "", ""))
	if room := f.listed("R1kmxc2VNjMCFIA="); room != "" {
		t.Errorf("still in %q", room)
	}
	if code := f.post("", leave); code != http.StatusOK { // repeated
		t.Errorf("second disconnect: %d", code)
	}
	if got := len(f.memory.types()); got != 7 {
		t.Errorf("events %q", f.memory.types())
	}
}

func TestRefused(t *testing.T) {
	f := newFixture(t, map[string]any{"routes": []string{"$default", "shout"}})
	f.join("chat:3", "a=")
	f.join("chat:4", "b=")
	before := f.memory.types()
	with := func(h map[string]string, name, value string) map[string]string {
		h[name] = value
		return h
	}
	message := func() map[string]string { return messageHeaders("a=", "m-9") }
	details := map[string]string{}
	for name, c := range map[string]struct {
		headers map[string]string
		body    string
		want    int
	}{
		"no secret":               {with(message(), headerSecret, ""), "{}", 401},
		"wrong secret":            {with(message(), headerSecret, secretText+"x"), "{}", 401},
		"no connection id":        {with(message(), headerConnection, ""), "{}", 400},
		"bad connection id":       {with(message(), headerConnection, "a b"), "{}", 400},
		"no event type":           {with(message(), headerEvent, ""), "{}", 400},
		"unknown event type":      {with(message(), headerEvent, "PING"), "{}", 400},
		"event and route differ":  {with(message(), headerRoute, "$connect"), "{}", 400},
		"no route":                {with(message(), headerRoute, ""), "{}", 400},
		"made-up own route":       {with(message(), headerRoute, "$other"), "{}", 400},
		"no id of the message":    {with(with(message(), headerMessage, ""), headerRequest, ""), "{}", 400},
		"time is none":            {with(message(), headerRequestTime, "yesterday"), "{}", 400},
		"unknown route":           {with(message(), headerRoute, "whisper"), "{}", 403},
		"binary":                  {with(message(), headerBase64, "true"), "AP8=", 400},
		"bad room":                {message(), `{"room":"a b"}`, 400},
		"room is no text":         {message(), `{"room":3}`, 400},
		"no member":               {message(), `{"room":"chat:4"}`, 403},
		"unknown connection":      {messageHeaders("nobody=", "m-9"), "{}", 403},
		"too large":               {message(), strings.Repeat("x", 128<<10+1), 413},
		"connect without a room":  {connectHeaders("c=", ""), "", 400},
		"connect to a bad room":   {connectHeaders("c=", "a b"), "", 400},
		"connect to a long room":  {connectHeaders("c=", strings.Repeat("x", 129)), "", 400},
		"connect as another":      {connectHeaders("a=", "chat:4"), "", 403},
		"close code is no number": {with(disconnectHeaders("a="), headerCloseCode, "x"), "", 400},
	} {
		w := f.request(c.body, c.headers)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
		details[name] = wantProblem(t, name, w)
	}
	for name, want := range map[string]string{
		"connect without a room": "?room=<name>", "bad room": "1 to 128", "binary": "Binary messages are not accepted",
		"no connection id": "examples/apigateway", "too large": "131072 bytes",
	} {
		if !strings.Contains(details[name], want) {
			t.Errorf("%s: detail %q, want %q", name, details[name], want)
		}
	}
	if diff := cmp.Diff(before, f.memory.types()); diff != "" {
		t.Errorf("events:\n%s", diff)
	}
	until(t, "the client gets an error", func() bool {
		return slices.Contains(f.gateway.Frames("a="), `{"message":"Forbidden","connectionId":"a=","requestId":"m-9","code":"forbidden"}`)
	})
	if got := f.post("{}", with(message(), headerSecret, oldSecret)); got != http.StatusOK {
		t.Errorf("the older secret: %d", got)
	}
}

// wantProblem checks a problem document and returns its detail. It helps to correct a request, except for 401 and 403, where it
// would reveal secrets, rooms and connections.
func wantProblem(t *testing.T, name string, w *httptest.ResponseRecorder) (detail string) {
	t.Helper()
	var got struct {
		Code, Detail string
		Status       int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%s: %q: %v", name, w.Body, err)
	}
	if w.Header().Get("Content-Type") != "application/problem+json" || got.Status != w.Code || got.Code == "" {
		t.Errorf("%s: %s", name, w.Body)
	}
	if secret := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden; (got.Detail == "") != secret {
		t.Errorf("%s: status %d has the detail %q", name, w.Code, got.Detail)
	}
	return got.Detail
}

func TestLargestMessage(t *testing.T) {
	f := newFixture(t, nil)
	f.join("chat:3", "a=")
	text := strings.Repeat("x", 128<<10)
	if got := f.post(text, messageHeaders("a=", "m-1")); got != http.StatusOK || f.memory.last().GetWebsocket().GetText() != text {
		t.Errorf("%d", got)
	}
	if err := f.Send("a=", []byte(text+"x"), false); !errors.Is(err, source.ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

func TestBinary(t *testing.T) {
	f := newFixture(t, map[string]any{"binary": true})
	f.join("chat:3", "a=")
	h := messageHeaders("a=", "m-1")
	h[headerBase64] = "true"
	data := strings.Repeat("\x00\xff", 64<<10)
	if got := f.post(base64.StdEncoding.EncodeToString([]byte(data)), h); got != http.StatusOK {
		t.Errorf("%d", got)
	}
	e := f.memory.last()
	if string(e.GetBody()) != data || e.GetContentType() != "application/octet-stream" || e.GetWebsocket().GetText() != "" || e.GetSubject() != "chat:3" {
		t.Errorf("event %s of %d bytes", e.GetContentType(), len(e.GetBody()))
	}
	// The same bytes, sent back to the room.
	f.join("chat:3", "b=")
	f.Broadcast("chat:3", e.GetBody(), true, "a=")
	until(t, "b receives the bytes", func() bool { return slices.Equal(f.gateway.Frames("b="), []string{data}) })
	if err := f.Send("a=", e.GetBody(), true); err != nil {
		t.Error(err)
	}
	until(t, "a receives the bytes", func() bool { return slices.Equal(f.gateway.Frames("a="), []string{data}) })
	if got := f.post("what is this?", h); got != http.StatusOK || f.memory.last().GetType() != "websocket.quarantined" {
		t.Errorf("%d, %s", got, f.memory.last().GetType())
	}
}

func TestAnyRoom(t *testing.T) {
	f := newFixture(t, map[string]any{"require_membership": false})
	if got := f.post(`{"room":"chat:9"}`, messageHeaders("stranger=", "m-1")); got != http.StatusOK || f.memory.last().GetSubject() != "chat:9" {
		t.Errorf("%d, %v", got, f.memory.last())
	}
	if got := f.post(`{}`, messageHeaders("stranger=", "m-2")); got != http.StatusBadRequest {
		t.Errorf("%d", got)
	}
}

// A client whose connect cannot be stored is turned away, and is in no room.
func TestNotStored(t *testing.T) {
	f := newFixture(t, nil)
	f.join("chat:3", "a=")
	f.memory.fail(errors.New("disk full"))
	if got := f.post("", connectHeaders("b=", "chat:3")); got != http.StatusServiceUnavailable || f.listed("b=") != "" {
		t.Errorf("%d, in room %q", got, f.listed("b="))
	}
	// An end that was not stored is found out later.
	if got := f.post("", disconnectHeaders("a=")); got != http.StatusServiceUnavailable || f.listed("a=") == "" {
		t.Errorf("%d, in room %q", got, f.listed("a="))
	}
}

// A connection that ended without anybody telling is found out when it is spoken to, but one that is not there yet is not.
func TestGone(t *testing.T) {
	f := newFixture(t, nil)
	f.join("chat:3", "old=")
	f.gateway.Vanish("old=")
	f.pass(time.Hour)
	f.join("chat:3", "new=", "b=")
	f.gateway.Fail("new=", amazontest.Fault{Status: http.StatusGone})
	f.Broadcast("chat:3", []byte("x"), false, "")
	until(t, "the new one receives it", func() bool { return len(f.gateway.Frames("new=")) == 1 })
	until(t, "the old one is off the list", func() bool { return f.listed("old=") == "" })
	e := f.memory.last()
	if e.GetId() != "old=-disconnect" || e.GetWebsocket().GetCloseCode() != codeAbnormal || e.GetSubject() != "chat:3" || e.GetSource() != "chat" {
		t.Errorf("event %v", e)
	}
	if f.listed("new=") == "" || len(f.gateway.Frames("b=")) != 1 {
		t.Error("the others did not stay")
	}
	if got := f.post("", disconnectHeaders("old=")); got != http.StatusOK || len(f.memory.types()) != 4 { // late
		t.Errorf("%d, events %q", got, f.memory.types())
	}
	// One that never comes is only found out when it had the time to.
	f.gateway.Vanish("new=")
	gone := f.sender.metrics.posts[postGone]
	f.Broadcast("chat:3", []byte("y"), false, "b=")
	until(t, "given up", func() bool { return testutil.ToFloat64(gone) == 2 })
	if f.listed("new=") == "" {
		t.Error("a connection that may be about to be there was taken off the list")
	}
}

func TestSlow(t *testing.T) {
	tooMany := slices.Repeat([]amazontest.Fault{amazontest.Limit}, gateway.MaxAttempts)
	f := newFixture(t, nil)
	f.join("chat:3", "slow=", "b=")
	f.gateway.Fail("slow=", tooMany...)
	f.gateway.Fail("b=", amazontest.Limit, amazontest.Broken)
	f.Broadcast("chat:3", []byte("x"), false, "")
	until(t, "the slow one is disconnected", func() bool { return slices.Equal(f.gateway.Disconnected(), []string{"slow="}) })
	if got := f.gateway.Frames("b="); len(got) != 1 {
		t.Errorf("b got %q", got)
	}
	// If no connection gets it, the clients are not to blame.
	f.gateway.Fail("b=", tooMany...)
	slow := f.sender.metrics.posts[postSlow]
	f.Broadcast("chat:3", []byte("y"), false, "slow=")
	until(t, "given up", func() bool { return testutil.ToFloat64(slow) == 2 })
	f.Broadcast("chat:3", []byte("z"), false, "slow=")
	until(t, "the next one arrives", func() bool { return slices.Equal(f.gateway.Frames("b="), []string{"x", "z"}) })
	if got := f.gateway.Disconnected(); len(got) != 1 {
		t.Errorf("disconnected %q", got)
	}
}

// Messages to a room arrive in order, also at many connections.
func TestOrder(t *testing.T) {
	f := newFixture(t, nil)
	var ids, want []string
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("c%d=", i))
	}
	f.join("chat:3", ids...)
	for i := range 20 {
		want = append(want, fmt.Sprint(i))
		f.Broadcast("chat:3", []byte(want[i]), false, "")
	}
	for _, id := range ids {
		until(t, id, func() bool { return len(f.gateway.Frames(id)) == len(want) })
		if diff := cmp.Diff(want, f.gateway.Frames(id)); diff != "" {
			t.Errorf("%s:\n%s", id, diff)
		}
	}
}

func TestSweep(t *testing.T) {
	f := newFixture(t, nil)
	f.join("chat:3", "a=")
	f.pass(time.Hour)
	f.join("chat:3", "b=")
	f.pass(time.Hour + 11*time.Minute)
	out, err := f.backend()
	if err != nil {
		t.Fatal(err)
	}
	f.Broadcast("chat:3", []byte("x"), false, "") // not to whom cannot be there
	until(t, "b receives it", func() bool { return len(f.gateway.Frames("b=")) == 1 })
	if got := f.gateway.Frames("a="); len(got) != 0 {
		t.Errorf("a got %q", got)
	}
	f.memory.fail(errors.New("disk full"))
	f.sweep(t.Context(), out.store)
	if f.listed("a=") == "" {
		t.Error("taken off the list without an event")
	}
	f.memory.fail(nil)
	f.sweep(t.Context(), out.store)
	if got := f.memory.types(); got[len(got)-1] != "disconnect a=" || len(got) != 3 || f.listed("a=") != "" || f.listed("b=") != "chat:3" {
		t.Errorf("events %q", got)
	}
}

// Whoever speaks never waits: what is too much is dropped.
func TestBounded(t *testing.T) {
	g := amazontest.NewGateway(t)
	f := prepare(t, g, settingsOf(t, g.Endpoint, nil, nil))
	for range maxWaiting + 5 { // nothing runs yet
		f.Broadcast("chat:3", []byte("x"), false, "")
	}
	if got := testutil.ToFloat64(f.sender.metrics.dropped); got != 5 {
		t.Errorf("%v dropped", got)
	}
	big := make([]byte, 128<<10)
	for i := range 2 * maxWaitingBytes / len(big) {
		if err := f.Send(fmt.Sprint("c", i), big, false); err != nil && !errors.Is(err, source.ErrBusy) {
			t.Fatal(err)
		}
	}
	if waiting := testutil.ToFloat64(f.sender.metrics.waiting); waiting > maxWaitingBytes || waiting < maxWaitingBytes-float64(len(big)) {
		t.Errorf("%v bytes wait", waiting)
	}
	f.run()
	until(t, "everything is sent", func() bool { return testutil.ToFloat64(f.sender.metrics.waiting) == 0 })
}
