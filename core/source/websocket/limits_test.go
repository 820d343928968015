package websocket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/pointsman/pointsman/core/source"
)

// TestRefusals asks for a connection in every way that is not granted.
func TestRefusals(t *testing.T) {
	const token = "a-token-of-24-bytes-or-more"
	for _, c := range []struct {
		name, settings, target string
		headers                []string
		status                 int
		code, header           string
	}{
		{"no room", "", "/ws", nil, 400, "bad_room", ""},
		{"empty room", "", "/ws?room=", nil, 400, "bad_room", ""},
		{"two rooms", "", "/ws?room=a&room=b", nil, 400, "bad_room", ""},
		{"a path as room", "", "/ws?room=../x", nil, 400, "bad_room", ""},
		{"wildcard room", "", "/ws?room=*", nil, 400, "bad_room", ""},
		{"bidirectional room", "", "/ws?room=%E2%80%AEx", nil, 400, "bad_room", ""},
		{"long room", "", "/ws?room=" + strings.Repeat("a", 129), nil, 400, "bad_room", ""},
		{"broken query", "", "/ws?room=a;b", nil, 400, "bad_query", ""},
		{"long URL", "", "/ws?room=a&x=" + strings.Repeat("a", 4096), nil, 414, "url_too_long", ""},
		{"no GET", "", "/ws?room=a", []string{"method", "POST"}, 405, "method_not_allowed", "Allow: GET"},
		{"no upgrade", "", "/ws?room=a", []string{"Upgrade", ""}, 426, "upgrade_required", "Upgrade: websocket"},
		{"another upgrade", "", "/ws?room=a", []string{"Upgrade", "h2c"}, 426, "upgrade_required", "Upgrade: websocket"},
		{"old version", "", "/ws?room=a", []string{"Sec-WebSocket-Version", "8"}, 426, "unknown_version", "Sec-Websocket-Version: 13"},
		{"no key", "", "/ws?room=a", []string{"Sec-WebSocket-Key", ""}, 400, "bad_handshake", ""},
		{"short key", "", "/ws?room=a", []string{"Sec-WebSocket-Key", "abc"}, 400, "bad_handshake", ""},
		{"a page of another host", "", "/ws?room=a", []string{"Origin", "https://evil.example"}, 403, "origin", ""},
		{"a page of nowhere", "", "/ws?room=a", []string{"Origin", "null"}, 403, "origin", ""},
		{"a page not listed", `"origins":["https://*.chat.example"]`, "/ws?room=a", []string{"Origin", "https://chat.example"}, 403, "origin", ""},
		{"a page of the host when others are listed", `"origins":["https://x.example"]`, "/ws?room=a", []string{"Origin", "http://chat.example"}, 403, "origin", ""},
		{"no token", `"tokens":["` + token + `"]`, "/ws?room=a", nil, 401, "unauthorized", "Www-Authenticate: Bearer"},
		{"wrong token", `"tokens":["` + token + `"]`, "/ws?room=a&token=x", nil, 401, "unauthorized", ""},
		{"empty token", `"tokens":["` + token + `",""]`, "/ws?room=a&token=", nil, 401, "unauthorized", ""},
		{"no subprotocol of ours", `"subprotocols":["v1"]`, "/ws?room=a", []string{"Sec-WebSocket-Protocol", "v2, v3"}, 400, "no_subprotocol", ""},
		{"no subprotocol at all", "", "/ws?room=a", []string{"Sec-WebSocket-Protocol", "v1"}, 400, "no_subprotocol", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, c.settings)
			k := f.request(c.target, c.headers...)
			body, _ := io.ReadAll(k.response.Body)
			if k.response.StatusCode != c.status || !bytes.Contains(body, []byte(`"code":"`+c.code+`"`)) {
				t.Errorf("answer %d %s, want %d %s", k.response.StatusCode, body, c.status, c.code)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok && k.response.Header.Get(name) != value {
				t.Errorf("%s %q, want %q", name, k.response.Header.Get(name), value)
			}
			if k.response.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("header %v", k.response.Header)
			}
			if len(f.intake.events) != 0 {
				t.Error("an event was stored")
			}
			if got := f.counted(f.metrics.refusals[c.code]); got != 1 {
				t.Errorf("counted %v times", got)
			}
			if strings.Contains(f.log.String(), token) {
				t.Error("the token is in the log")
			}
		})
	}
}

func TestGranted(t *testing.T) {
	const token = "a-token-of-24-bytes-or-more"
	for _, c := range []struct {
		name, settings, target string
		headers                []string
		subprotocol            string
	}{
		{"a page of the host", "", "/ws?room=a", []string{"Origin", "https://CHAT.example"}, ""},
		{"a listed page", `"origins":["https://*.x.example"]`, "/ws?room=a", []string{"Origin", "https://a.x.example"}, ""},
		{"a listed host", `"origins":["x.example:8080"]`, "/ws?room=a", []string{"Origin", "http://x.example:8080"}, ""},
		{"any page", `"origins":["*"]`, "/ws?room=a", []string{"Origin", "null"}, ""},
		{"token in the header", `"tokens":["another","` + token + `"]`, "/ws?room=a", []string{"Authorization", "bearer " + token}, ""},
		{"token in the query", `"tokens":["` + token + `"]`, "/ws?token=" + token + "&room=a", nil, ""},
		{"token as subprotocol", `"subprotocols":["v1"],"tokens":["` + token + `"]`, "/ws?room=a", []string{"Sec-WebSocket-Protocol", "bearer." + token + ",v1"}, "v1"},
		{"subprotocol", `"subprotocols":["v1","v2"]`, "/ws?room=a", []string{"Sec-WebSocket-Protocol", " v3 ,v2,  v1"}, "v2"},
		{"several headers", "", "/ws?room=a", []string{"Connection", "keep-alive, upgrade", "Upgrade", "WebSocket"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, c.settings)
			k := f.request(c.target, c.headers...)
			if k.response.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("answer %d", k.response.StatusCode)
			}
			if got := k.response.Header["Sec-Websocket-Protocol"]; strings.Join(got, "|") != c.subprotocol {
				t.Errorf("subprotocol %q, want %q", got, c.subprotocol)
			}
			f.expect(TypeConnect)
			f.leave(k)
		})
	}
}

func TestTooMany(t *testing.T) {
	for name, c := range map[string]struct {
		limits string
		status int
	}{
		"altogether": {`"connections":2`, 503},
		"of one IP":  {`"connections_per_ip":2`, 429},
		"in a room":  {`"connections_per_room":2`, 429},
		"at once":    {`"connects_per_second":2`, 429},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, `"limits":{`+c.limits+`}`)
			a := f.join("a")
			f.join("a")
			k := f.request("/ws?room=a")
			if k.response.StatusCode != c.status || k.response.Header.Get("Retry-After") == "" {
				t.Errorf("answer %d, want %d, %v", k.response.StatusCode, c.status, k.response.Header)
			}
			f.leave(a)
			f.clock.add(time.Second)
			f.join("a")
			if got := f.counted(f.metrics.connections); got != 2 {
				t.Errorf("%v connections counted", got)
			}
		})
	}
}

func TestTooFast(t *testing.T) {
	f := newFixture(t, `"limits":{"connection_rate":1,"connection_burst":3}`)
	k := f.join("a")
	for range 5 {
		k.send("x")
	}
	for range 3 {
		f.expect(TypeMessage)
	}
	if got := k.clientError(); got != "rate_limited" {
		t.Errorf("clientError %q", got)
	}
	// Slowing down is enough.
	f.clock.add(3 * time.Second)
	k.send("x")
	f.expect(TypeMessage)
	// Going on is not.
	code := 0
	for seconds := 0; code == 0; seconds++ {
		if seconds > 15 {
			t.Fatal("never closed")
		}
		for range 5 {
			k.write(frame(ws.OpText, true, "x"))
		}
		code = k.settle()
		f.clock.add(time.Second)
	}
	if code != codeTooFast {
		t.Errorf("closed with %d", code)
	}
	if n := len(f.intake.events); n < 9 || n > 15 { // about one a second
		t.Errorf("%d events", n)
	}
}

// settle waits until all that a client has sent is handled, and returns 0 or the code that its connection is closed with.
// Other messages are lost.
func (k *client) settle() int {
	k.t.Helper()
	k.write(frame(ws.OpPing, true, "settle"))
	for {
		switch got := k.next(); got.Header.OpCode {
		case ws.OpPong:
			return 0
		case ws.OpClose:
			return int(binary.BigEndian.Uint16(got.Payload))
		}
	}
}

func TestAllTooFast(t *testing.T) {
	f := newFixture(t, `"limits":{"rate":1,"burst":2}`)
	a, b := f.join("a"), f.join("b")
	a.send("1")
	f.expect(TypeMessage)
	b.send("2")
	f.expect(TypeMessage)
	a.send("3")
	if got := a.clientError(); got != "rate_limited" {
		t.Errorf("clientError %q", got)
	}
	f.clock.add(time.Second)
	a.send("4")
	if got := f.expect(TypeMessage); got.GetText() != "4" {
		t.Errorf("message %v", got)
	}
}

func TestStrikes(t *testing.T) {
	for name, c := range map[string]struct{ text, code string }{
		"a room that it is not in":     {`{"room":"b","data":1}`, "forbidden"},
		"a room that is none":          {`{"room":"../b","data":1}`, "bad_room"},
		"a room that is no text":       {`{"room":null}`, "bad_room"},
		"joining a room that is none":  {`{"$join":"b*"}`, "bad_room"},
		"joining no room":              {`{"$join":["b"]}`, "bad_room"},
		"leaving a room that is none":  {`{"$leave":""}`, "bad_room"},
		"who is in another room":       {`{"$presence":"b"}`, "forbidden"},
		"who is in a room that is not": {`{"$presence":"-/-"}`, "bad_room"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, "")
			k := f.join("a")
			for _, after := range []time.Duration{0, 0, violationWindow} { // the third is late enough
				f.clock.add(after)
				k.send(c.text)
				if got := k.clientError(); got != c.code {
					t.Fatalf("ClientError %q, want %q", got, c.code)
				}
			}
			k.send(c.text)
			k.clientError()
			k.send(c.text)
			if code := k.ends(); code != codePolicy {
				t.Errorf("closed with %d", code)
			}
			f.expect(TypeDisconnect)
		})
	}
}

func TestSweep(t *testing.T) {
	for name, c := range map[string]struct {
		settings string
		talks    bool // now and then
		code     int
		within   time.Duration
	}{
		"idle": {``, false, codeGoingAway, 11 * time.Minute},
		"old":  {``, true, codeGoingAway, 2*time.Hour + time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, c.settings)
			k := f.join("a")
			started := f.clock.Now()
			for {
				now := f.clock.add(9 * time.Second)
				if now.Sub(started) > c.within {
					t.Fatal("still there")
				}
				if c.talks && now.Minute()%5 == 0 && now.Second() < 9 {
					k.send("x")
					f.expect(TypeMessage)
				}
				f.sweep(now)
				if f.hub.find(k.id).ending() {
					break
				}
				k.write(frame(ws.OpPong, true, ""))
				if code := k.settle(); code != 0 { // pongs do not keep it alive, but tell that it is there
					t.Fatalf("closed with %d", code)
				}
			}
			if code := k.ends(); code != c.code {
				t.Errorf("closed with %d", code)
			}
			if f.clock.Now().Sub(started) < c.within-2*time.Minute {
				t.Errorf("after %s already", f.clock.Now().Sub(started))
			}
		})
	}
}

// A client that does not answer a ping is cut off.
func TestNoPong(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	f.sweep(f.clock.add(25 * time.Second))
	if got := k.next(); got.Header.OpCode != ws.OpPing {
		t.Fatalf("got %v, want a ping", got)
	}
	f.sweep(f.clock.add(9 * time.Second))
	if code := k.settle(); code != 0 { // a ping is an answer as well
		t.Fatalf("closed with %d", code)
	}
	f.sweep(f.clock.add(16 * time.Second))
	if got := k.next(); got.Header.OpCode != ws.OpPing {
		t.Fatalf("got %v, want a ping", got)
	}
	f.sweep(f.clock.add(10 * time.Second))
	if code := k.ends(); code != codeAbnormal {
		t.Errorf("ended with %d", code)
	}
	if got := f.expect(TypeDisconnect).GetCloseCode(); got != codeAbnormal {
		t.Errorf("disconnect event with %d", got)
	}
}

// One who does not read is closed; the others get everything, in order.
func TestSlowReader(t *testing.T) {
	f := newFixture(t, `"limits":{"message_bytes":65536,"queue_bytes":262144,"write_timeout":"1s"}`)
	fast, slow := f.join("a"), f.join("a")
	const n = 400
	large := strings.Repeat("x", 60<<10)
	go func() {
		for i := range n {
			for f.hub.find(fast.id).backlog() > 128<<10 { // only the slow one is to be behind
				time.Sleep(100 * time.Microsecond)
			}
			f.Broadcast("a", fmt.Appendf(nil, "%d %s", i, large), false, "")
		}
	}()
	for i := range n {
		if got := fast.receive(); !strings.HasPrefix(got, fmt.Sprintf("%d x", i)) {
			t.Fatalf("message %d is %.10q", i, got)
		}
	}
	if got := f.expect(TypeDisconnect); got.GetConnectionId() != slow.id || got.GetCloseCode() != codeSlowReader {
		t.Errorf("disconnect event %v", got)
	}
	if f.hub.find(fast.id) == nil {
		t.Error("the fast one is gone")
	}
	eventually(t, "nothing queued", func() bool { return f.counted(f.metrics.queueBytes) == 0 })
}

func (c *conn) backlog() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued
}

// A client that reads again soon enough learns why it was closed.
func TestSlowReaderGetsCloseCode(t *testing.T) {
	f := newFixture(t, `"limits":{"message_bytes":130000,"queue_bytes":131072}`)
	k := f.join("a")
	large := bytes.Repeat([]byte("x"), 100<<10)
	busy := func() bool { return errors.Is(f.Send(k.id, large, true), source.ErrBusy) }
	eventually(t, "the queue is full", busy)
	c := f.hub.find(k.id)
	for !c.ending() { // the system's buffers may still take some
		f.Broadcast("a", large, true, "")
	}
	if err := f.Send(k.id, large, true); !errors.Is(err, source.ErrGone) {
		t.Errorf("Send: %v, want source.ErrGone", err)
	}
	if code := k.ends(); code != codeSlowReader {
		t.Errorf("closed with %d", code)
	}
}

func TestNotStored(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	f.intake.fail(errors.New("the disk is full"))
	k.send("1")
	if got := k.clientError(); got != "not_stored" {
		t.Errorf("clientError %q", got)
	}
	f.intake.fail(nil)
	k.send("2")
	f.expect(TypeMessage)
	f.intake.fail(errors.New("the disk is full"))
	for range maxFailures - 1 {
		k.send("3")
		k.clientError()
	}
	k.send("3")
	if code := k.ends(); code != codeTryLater {
		t.Errorf("closed with %d", code)
	}
	if k := f.request("/ws?room=a"); k.response.StatusCode != 503 || k.response.Header.Get("Retry-After") == "" {
		t.Errorf("answer %d", k.response.StatusCode)
	}
	eventually(t, "nobody left", func() bool { return f.counted(f.metrics.connections) == 0 })
}
