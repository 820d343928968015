package apigateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

func settingsFor(s *amazontest.Gateway) gateway.Settings {
	return gateway.Settings{
		Endpoint: s.Endpoint, Table: amazontest.Table, Index: amazontest.Index, DynamoDBEndpoint: s.DynamoDB,
		Account: amazon.Account{
			Region: amazontest.Region, AccessKey: amazontest.AccessKey, SecretKey: schema.NewSecret(amazontest.SecretKey),
		},
	}
}

func open(t *testing.T, settings gateway.Settings) *Rooms {
	t.Helper()
	r, err := Open(t.Context(), settings, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	r.Pause = time.Millisecond
	return r
}

func lobby(frame string) Message {
	return Message{Delivery: "d-1", Room: "chat:3", Frame: []byte(frame)}
}

// say sends a message and checks the receipt.
func say(t *testing.T, r *Rooms, m Message, want string) {
	t.Helper()
	if receipt, err := r.Send(t.Context(), m); err != nil || receipt != want {
		t.Errorf("receipt %q, error %v; want %q", receipt, err, want)
	}
}

// got checks how many messages each connection has received.
func got(t *testing.T, s *amazontest.Gateway, want map[string]int) {
	t.Helper()
	have := map[string]int{}
	for c := range want {
		have[c] = len(s.Frames(c))
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRoom(t *testing.T) {
	s := amazontest.NewGateway(t)
	// Ids of API Gateway have characters with a meaning in URLs.
	s.Join("chat:3", "R1kmxc2VNjMCFIA=", "a-b_c=", "a/b+c%20=", "speaker=", "e=")
	s.Join("chat:4", "elsewhere=")
	m := lobby(`{"data":"some message.","received":1647007498}`)
	m.Except = "speaker="
	say(t, open(t, settingsFor(s)), m, "delivered: 4")
	got(t, s, map[string]int{"R1kmxc2VNjMCFIA=": 1, "a-b_c=": 1, "a/b+c%20=": 1, "e=": 1, "speaker=": 0, "elsewhere=": 0})
	if diff := cmp.Diff([]string{string(m.Frame)}, s.Frames("e=")); diff != "" {
		t.Error(diff)
	}
}

func TestManyPages(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.PageSize = 7
	want := map[string]int{}
	for i := range 200 {
		id := fmt.Sprintf("c%03d=", i)
		s.Join("chat:3", id)
		want[id] = 1
	}
	say(t, open(t, settingsFor(s)), lobby("x"), "delivered: 200")
	got(t, s, want)
}

func TestNobody(t *testing.T) {
	say(t, open(t, settingsFor(amazontest.NewGateway(t))), lobby("x"), "delivered: 0")
}

func TestGone(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "a=", "b=", "c=", "stray=")
	s.Vanish("b=")
	s.Fail("stray=", amazontest.Fault{Status: 400, Code: "BadRequestException", Message: "Invalid connectionId: stray="})
	s.Fail("") // nothing
	say(t, open(t, settingsFor(s)), lobby("x"), "delivered: 2, gone: 2")
	got(t, s, map[string]int{"a=": 1, "c=": 1})
	if diff := cmp.Diff([]string{"a=", "c="}, s.Listed()); diff != "" {
		t.Error(diff)
	}
}

// API Gateway calls a connection gone until its $connect is answered, so a new connection stays in the table.
func TestYoungStays(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "old=", "young=")
	s.ConnectedAt("old=", time.Now().Add(-time.Minute))
	s.ConnectedAt("young=", time.Now())
	s.Vanish("old=")
	s.Vanish("young=")
	say(t, open(t, settingsFor(s)), lobby("x"), "delivered: 0, gone: 2")
	if diff := cmp.Diff([]string{"young="}, s.Listed()); diff != "" {
		t.Error(diff)
	}
}

// serverless-offline and others send the status without a body.
func TestGoneByStatus(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "a=")
	s.Fail("a=", amazontest.Fault{Status: 410})
	say(t, open(t, settingsFor(s)), lobby("x"), "delivered: 0, gone: 1")
}

// A row that cannot be removed does not cause another attempt.
func TestGoneStays(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "a=", "b=")
	s.Vanish("b=")
	s.PageSize = 10
	s.Fail("", amazontest.Fault{}, amazontest.Broken)
	say(t, open(t, settingsFor(s)), lobby("x"), "delivered: 1, gone: 1")
	if diff := cmp.Diff([]string{"a=", "b="}, s.Listed()); diff != "" {
		t.Error(diff)
	}
}

func TestSlow(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "a=", "late=", "slow=")
	s.Fail("late=", amazontest.Limit, amazontest.Limit)
	s.Fail("slow=", slices.Repeat([]amazontest.Fault{amazontest.Limit}, gateway.MaxAttempts)...)
	say(t, open(t, settingsFor(s)), lobby("x"), "delivered: 2, too slow and disconnected: 1")
	got(t, s, map[string]int{"a=": 1, "late=": 1})
	if diff := cmp.Diff([]string{"slow="}, s.Disconnected()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a=", "late="}, s.Listed()); diff != "" {
		t.Error(diff)
	}
}

// A response that asks for more time than an attempt has goes to the router, and no connection is blamed.
func TestRetryAfter(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "a=", "b=")
	busy := amazontest.Limit
	busy.RetryAfter = "60"
	s.Fail("b=", busy)
	r := open(t, settingsFor(s))
	_, err := r.Send(t.Context(), lobby("x"))
	if refusal, _ := errors.AsType[*amazon.Error](err); refusal == nil || refusal.RetryAfter != time.Minute || len(s.Disconnected()) > 0 {
		t.Errorf("error %v, disconnected %q", err, s.Disconnected())
	}
	say(t, r, lobby("x"), "delivered: 2")
	got(t, s, map[string]int{"a=": 1, "b=": 1})
}

// If no connection can be posted to, none of them is disconnected.
func TestAccountIsThrottled(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "a=", "b=")
	for _, c := range s.Listed() {
		s.Fail(c, slices.Repeat([]amazontest.Fault{amazontest.Limit}, gateway.MaxAttempts)...)
	}
	r := open(t, settingsFor(s))
	_, err := r.Send(t.Context(), lobby("x"))
	if _, refused := errors.AsType[*amazon.Error](err); err == nil || refused || len(s.Disconnected()) > 0 {
		t.Errorf("error %v, disconnected %q", err, s.Disconnected())
	}
	say(t, r, lobby("x"), "delivered: 2")
}

// After a partial failure, the next attempt sends to the connections that have not received the message, and to new ones.
func TestPartialFailure(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "a=", "b=", "c=")
	s.Fail("b=", amazontest.Broken)
	r := open(t, settingsFor(s))
	_, err := r.Send(t.Context(), lobby("x"))
	refused, ok := errors.AsType[*amazon.Error](err)
	if !ok || refused.Permanent || !strings.Contains(err.Error(), "1 of 3 connections have not received it yet: post to a connection: InternalServerError: Internal server error (HTTP 500)") {
		t.Errorf("error %v", err)
	}
	got(t, s, map[string]int{"a=": 1, "b=": 0, "c=": 1})
	s.Join("chat:3", "d=")
	say(t, r, lobby("x"), "delivered: 4")
	say(t, r, lobby("x"), "delivered: 4") // its result was lost
	got(t, s, map[string]int{"a=": 1, "b=": 1, "c=": 1, "d=": 1})
	other := lobby("y")
	other.Delivery = "d-2"
	say(t, r, other, "delivered: 4")
	got(t, s, map[string]int{"a=": 2, "b=": 2, "c=": 2, "d=": 2})
}

func TestOneConnection(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "a=", "b=")
	r := open(t, settingsFor(s))
	say(t, r, Message{Delivery: "d-1", Connection: "a=", Frame: []byte("x")}, "delivered: 1")
	s.Vanish("b=")
	say(t, r, Message{Delivery: "d-2", Connection: "b=", Frame: []byte("x")}, "delivered: 0, gone: 1")
	got(t, s, map[string]int{"a=": 1})
	if diff := cmp.Diff([]string{"a="}, s.Listed()); diff != "" {
		t.Error(diff)
	}
}

func TestRefusals(t *testing.T) {
	with := func(change func(*gateway.Settings)) func(*amazontest.Gateway, *gateway.Settings) {
		return func(_ *amazontest.Gateway, o *gateway.Settings) { change(o) }
	}
	fault := func(connection string, f amazontest.Fault) func(*amazontest.Gateway, *gateway.Settings) {
		return func(s *amazontest.Gateway, _ *gateway.Settings) { s.Fail(connection, f) }
	}
	for name, tt := range map[string]struct {
		prepare   func(*amazontest.Gateway, *gateway.Settings)
		frame     int
		permanent bool
		want      string
	}{
		"forbidden":      {fault("a=", amazontest.Forbidden), 1, true, "ForbiddenException (HTTP 403): the credentials need execute-api:ManageConnections"},
		"too large":      {nil, amazontest.MaxFrame + 1, true, "PayloadTooLargeException: Message too long (HTTP 413): API Gateway accepts at most 128 KB"},
		"wrong stage":    {with(func(o *gateway.Settings) { o.Endpoint += "x" }), 1, true, "see that endpoint ends with the stage"},
		"wrong key":      {with(func(o *gateway.Settings) { o.SecretKey = schema.NewSecret("wrong") }), 1, true, "UnrecognizedClientException"},
		"no table":       {with(func(o *gateway.Settings) { o.Table = "other" }), 1, true, "query the connections in a room: ResourceNotFoundException: Requested resource not found (HTTP 400): see that table and region are right"},
		"no index":       {with(func(o *gateway.Settings) { o.Index = "other" }), 1, true, ": see that the table has the index"},
		"expired":        {fault("", amazontest.Fault{Status: 400, Code: "x#ExpiredTokenException"}), 1, false, "ExpiredTokenException"},
		"table is busy":  {fault("", amazontest.Fault{Status: 400, Code: "x#ProvisionedThroughputExceededException"}), 1, false, "ProvisionedThroughputExceededException"},
		"table is down":  {fault("", amazontest.Fault{Status: 503, Code: "x#ServiceUnavailable"}), 1, false, "ServiceUnavailable"},
		"nobody answers": {with(func(o *gateway.Settings) { o.Endpoint = "http://127.0.0.1:1/dev" }), 1, false, "2 of 2 connections have not received it yet: post to a connection"},
		"cut off":        {fault("a=", amazontest.Fault{Cut: true}), 1, false, "1 of 2 connections have not received it yet"},
	} {
		t.Run(name, func(t *testing.T) {
			s := amazontest.NewGateway(t)
			s.Join("chat:3", "a=", "b=")
			o := settingsFor(s)
			if tt.prepare != nil {
				tt.prepare(s, &o)
			}
			_, err := open(t, o).Send(t.Context(), lobby(strings.Repeat("x", tt.frame)))
			refused, _ := errors.AsType[*amazon.Error](err)
			if err == nil || !strings.Contains(err.Error(), tt.want) || (refused != nil && refused.Permanent) != tt.permanent {
				t.Errorf("error %v; want %q, permanent %t", err, tt.want, tt.permanent)
			}
		})
	}
}

func TestContextEnds(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("chat:3", "a=", "b=")
	r := open(t, settingsFor(s))
	r.Pause = time.Hour
	s.Fail("b=", amazontest.Limit)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := r.Send(ctx, lobby("x"))
		ended <- err
	}()
	d, _ := r.memory.of("d-1")
	for s.Posts() < 2 || r.memory.count(d) < 1 { // a= is delivered, b= waits
		select {
		case err := <-ended:
			t.Fatal(err)
		default:
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	r.Pause = time.Millisecond
	say(t, r, lobby("x"), "delivered: 2")
	got(t, s, map[string]int{"a=": 1, "b=": 1})
}
