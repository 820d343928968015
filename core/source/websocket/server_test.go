package websocket

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// The source works mounted in the server, with an independent client.
func TestMounted(t *testing.T) {
	intake := &memory{events: make(chan source.Event, 10)}
	log := slog.New(slog.DiscardHandler)
	s, err := makeSource(`{"path":"/ws","subprotocols":["v1"],"management_tokens":["`+managerToken+`"]}`, source.Deps{Name: "chat", Intake: intake, Log: log, Metrics: source.NewMetrics(prometheus.NewRegistry())}, newMetrics())
	if err != nil {
		t.Fatal(err)
	}
	server, err := source.NewServer(source.ServerOptions{Sources: []source.Source{s}, Log: log, Metrics: source.NewMetrics(prometheus.NewRegistry())})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- server.Run(ctx, l) }()
	go func() { ended <- s.Run(ctx) }()

	c, r, shaken, err := ws.Dialer{Protocols: []string{"v1"}}.Dial(ctx, "ws://"+l.Addr().String()+"/ws?room=a")
	if err != nil || r != nil || shaken.Protocol != "v1" {
		t.Fatalf("handshake %+v, %v", shaken, err)
	}
	id := (<-intake.events).Envelope.GetWebsocket().GetConnectionId()
	if err := wsutil.WriteClientText(c, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if e := (<-intake.events).Envelope; string(e.GetBody()) != "hello" {
		t.Errorf("event %v", e)
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+l.Addr().String()+"/ws/@connections/"+id, strings.NewReader("hi"))
	if err != nil {
		t.Fatal(err)
	}
	post.Header.Set("Authorization", "Bearer "+managerToken)
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(post)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("answer %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	if got, err := wsutil.ReadServerText(c); err != nil || string(got) != "hi" {
		t.Errorf("got %q, %v", got, err)
	}
	cancel()
	_, err = wsutil.ReadServerText(c)                                                     // answers the close frame
	if closed, ok := err.(wsutil.ClosedError); !ok || closed.Code != ws.StatusGoingAway { //nolint:errorlint // it is not wrapped
		t.Errorf("stopped with %v", err)
	}
	_ = c.Close()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if e := (<-intake.events).Envelope; e.GetType() != TypeDisconnect || e.GetWebsocket().GetCloseCode() != codeGoingAway {
		t.Errorf("event %v", e)
	}
}

// A client whose message takes long to be stored does not count as gone.
func TestBusyIsNotGone(t *testing.T) {
	f := newFixture(t, "")
	k := f.join("a")
	entered, release := make(chan struct{}), make(chan struct{})
	f.intake.before(func(e *pointsmanv1.Envelope) error {
		if e.GetType() == TypeMessage {
			close(entered)
			<-release
		}
		return nil
	})
	k.send("x")
	<-entered
	f.sweep(f.clock.add(f.settings.PingInterval))
	f.sweep(f.clock.add(pongTime))
	close(release)
	f.expect(TypeMessage)
	if got := k.next(); got.Header.OpCode != ws.OpPing {
		t.Errorf("got %v, want a ping", got)
	}
	k.write(frame(ws.OpPong, true, ""))
	f.leave(k)
}

// A client that answers no ping is disconnected, also if the interval is shorter than the time to answer.
func TestDeadClientWithShortInterval(t *testing.T) {
	f := newFixture(t, `"ping_interval":"1s"`)
	k := f.join("a")
	for range 2 + pongTime/time.Second {
		f.sweep(f.clock.add(time.Second))
	}
	if got := f.expect(TypeDisconnect); got.GetConnectionId() != k.id || got.GetCloseCode() != codeAbnormal {
		t.Errorf("event %v, want the end of %s with %d", got, k.id, codeAbnormal)
	}
}

func TestAddress(t *testing.T) {
	for remote, want := range map[string][2]string{
		"192.0.2.10:1234":             {"192.0.2.10", "192.0.2.10"},
		"[::ffff:192.0.2.10]:1234":    {"192.0.2.10", "192.0.2.10"},
		"[2001:db8:1:2:3:4:5:6]:1234": {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		"[fe80::1%eth0]:1234":         {"fe80::1", "fe80::/64"},
		"@":                           {"@", "@"}, // a unix socket
		"somewhere:1":                 {"somewhere", "somewhere"},
	} {
		if ip, network := address(remote); ip != want[0] || network != want[1] {
			t.Errorf("%s is %s of %s, want %s", remote, ip, network, want)
		}
	}
}
