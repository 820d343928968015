package gateway

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func settings(s *amazontest.Gateway) Settings {
	return Settings{Endpoint: s.Endpoint + "/", Index: "room-index", Account: amazon.Account{
		Region: amazontest.Region, AccessKey: amazontest.AccessKey, SecretKey: schema.NewSecret(amazontest.SecretKey),
	}}
}

func TestPost(t *testing.T) {
	always, never := func(error) bool { return true }, func(error) bool { return false }
	busy := func(seconds string) amazontest.Fault {
		f := amazontest.Limit
		f.RetryAfter = seconds
		return f
	}
	for name, tt := range map[string]struct {
		faults  []amazontest.Fault
		again   func(error) bool
		posts   int
		want    error
		refused bool // want an *amazon.Error
	}{
		"at once":            {nil, always, 1, nil, false},
		"after two failures": {[]amazontest.Fault{amazontest.Broken, amazontest.Limit}, always, 3, nil, false},
		"not again":          {[]amazontest.Fault{amazontest.Limit}, never, 1, ErrSlow, false},
		"slow":               {slices.Repeat([]amazontest.Fault{amazontest.Limit}, MaxAttempts), always, MaxAttempts, ErrSlow, false},
		"gone":               {[]amazontest.Fault{{Status: 410}}, never, 1, ErrGone, false},
		"never there":        {[]amazontest.Fault{{Status: 400, Code: "BadRequestException", Message: "Invalid connectionId: c="}}, never, 1, ErrGone, false},
		"Retry-After":        {[]amazontest.Fault{busy("1")}, always, 2, nil, false},
		"long Retry-After":   {[]amazontest.Fault{busy("11")}, always, 1, nil, true},
		"forbidden":          {[]amazontest.Fault{amazontest.Forbidden}, never, 1, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := amazontest.NewGateway(t)
			s.Join("room", "c=")
			s.Fail("c=", tt.faults...)
			c, err := Open(t.Context(), settings(s), 1)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			c.Pause = time.Millisecond
			err = c.Post(t.Context(), "c=", []byte("x"), tt.again)
			_, refused := errors.AsType[*amazon.Error](err)
			if refused != tt.refused || !refused && !errors.Is(err, tt.want) || s.Posts() != tt.posts {
				t.Errorf("%d posts, %v; want %d, %v", s.Posts(), err, tt.posts, tt.want)
			}
		})
	}
}

func TestDisconnect(t *testing.T) {
	s := amazontest.NewGateway(t)
	s.Join("room", "c=")
	c, err := Open(t.Context(), settings(s), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for _, want := range []error{nil, ErrGone} {
		if err := c.Disconnect(t.Context(), "c="); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if diff := cmp.Diff([]string{"c="}, s.Disconnected()); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Settings)
		want   []string
	}{
		"right":             {func(*Settings) {}, nil},
		"no endpoint":       {func(s *Settings) { s.Endpoint = "" }, []string{"g.endpoint: want the URL of the API's stage"}},
		"for clients":       {func(s *Settings) { s.Endpoint = "wss://a/dev" }, []string{"g.endpoint: this is where clients connect"}},
		"one connection":    {func(s *Settings) { s.Endpoint = "https://a/dev/@connections" }, []string{"g.endpoint: want the stage alone"}},
		"sovereign cloud":   {func(s *Settings) { s.Endpoint = "https://a.execute-api.eusc-de-east-1.amazonaws.eu/dev" }, nil},
		"unknown partition": {func(s *Settings) { s.Endpoint = "https://a.execute-api.x-1.amazonaws.example/dev" }, []string{"g.endpoint: the host is in no AWS partition known here"}},
		"own domain":        {func(s *Settings) { s.Endpoint = "https://chat.example.com" }, nil},
		"table":             {func(s *Settings) { s.Table, s.Index = "a b", "" }, []string{"g.table: DynamoDB has no such names", "g.index: DynamoDB has no such names"}},
		"local DynamoDB":    {func(s *Settings) { s.Region, s.DynamoDBEndpoint = "local", "http://127.0.0.1:8000" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := Settings{Endpoint: "https://a.execute-api.eu-west-1.amazonaws.com/dev", Index: "room-index"}
			tt.change(&s)
			var ds schema.Diagnostics
			s.Check(&ds, "g.")
			var got []string
			for _, d := range ds {
				got = append(got, d.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
