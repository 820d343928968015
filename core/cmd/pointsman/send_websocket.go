package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pointsman/pointsman/core/source/websocket"
	"github.com/pointsman/pointsman/core/source/websocket/websocketsend"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// websocketFlags describe the message to send and how long to receive.
type websocketFlags struct {
	sendFlags
	room, data, text string
	token            string
	binary           bool
	listen           time.Duration
	count            int
}

const defaultRoom = "lobby"

func newSendWebSocket(s streams) *cobra.Command {
	var f websocketFlags
	cmd := &cobra.Command{
		Use:   "websocket",
		Short: "Send a message to a WebSocket room and receive messages from it",
		Long: `Join a room as a client does, send a message, and with --listen or --count print the messages that arrive.

Without --url, address, path and token are taken from the configuration. The command succeeds when the router has accepted
the message; your rules decide who receives it. The sender itself receives it only if a rule sends it back.

--json prints a line of JSON for the accepted message, and one for each received message.`,
		Example: `  pointsman send websocket --room lab --text 'hello'
  pointsman send websocket --room lab --data '{"name": "Ann", "text": "hello"}'
  pointsman send websocket --room lab --listen 1h           # only receive
  pointsman send websocket --room lab --text 'who is there?' --listen 10s
  pointsman send websocket --room lab --count 1             # wait for one message, 10 s at most; exit code 1 without
  pointsman send websocket --url wss://router.example.com/  # the token in POINTSMAN_TOKEN
  pointsman send websocket --body frame.json                # this message unchanged
  pointsman send websocket --body picture.png --binary      # as a binary message`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s, cmd.Flags()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.room, "room", "", "room to join and to send to (default: that of --url, or "+defaultRoom+")")
	flags.StringVar(&f.text, "text", "", `text to send (default: "test message", unless --listen or --count is given)`)
	flags.StringVar(&f.data, "data", "", "JSON to send")
	flags.BoolVar(&f.binary, "binary", false, "send the bytes of --body as a binary message")
	flags.DurationVar(&f.listen, "listen", 0, "how long to print received messages, each on a line")
	flags.IntVar(&f.count, "count", 0, "number of messages to wait for; the command fails if fewer arrive within --listen, or --timeout")
	flags.StringVar(&f.token, "token", "", "token; better in the environment: "+envPrefix+"TOKEN (default: the source's)")
	f.register(cmd, websocket.Name, "token")
	return cmd
}

func (f *websocketFlags) run(ctx context.Context, s streams, flags *pflag.FlagSet) error {
	target, err := f.target(ctx, s)
	if err != nil {
		return err
	}
	message, err := f.message(s.in, flags, target.room)
	if err != nil {
		return usageError(err)
	}
	conn, err := websocketsend.Dial(ctx, target.url, target.token, f.timeout)
	if err != nil {
		return dialError(target.shown(), err)
	}
	defer conn.Close()
	return connError(f.talk(ctx, s.out, conn, target, message))
}

// talk sends the message, if there is one, and prints what arrives.
func (f *websocketFlags) talk(ctx context.Context, out io.Writer, conn *websocketsend.Conn, target websocketTarget, message []byte) error {
	printer := messagePrinter{out: out, json: f.asJSON, silent: f.listen == 0 && f.count == 0, want: f.count}
	if message != nil {
		if err := conn.Send(message, f.binary, f.timeout, printer.print); err != nil {
			return err
		}
		if err := f.sent(out, target, message); err != nil {
			return err
		}
	}
	if printer.done() {
		return nil
	}
	d := cmp.Or(f.listen, f.timeout)
	err := conn.Receive(d, printer.print)
	if err == nil || ctx.Err() == nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if printer.count < f.count {
		return fmt.Errorf("received %d of %d messages within %s", printer.count, f.count, d)
	}
	return nil
}

// websocketTarget is the URL to connect to, and the token.
type websocketTarget struct {
	url, room string
	token     schema.Secret
}

// target combines the flags with the configuration.
func (f *websocketFlags) target(ctx context.Context, s streams) (websocketTarget, error) {
	t := websocketTarget{token: schema.NewSecret(f.token)}
	at := f.url
	if f.url == "" {
		var settings websocket.Settings
		found, err := f.find(ctx, s, websocket.Name, &settings)
		if err != nil {
			return t, err
		}
		if t.token.IsZero() {
			t.token = firstSecret(settings.Tokens)
		}
		at = found.URL
	}
	u, err := url.Parse(at)
	if err == nil {
		u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	}
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return t, usageError(fmt.Errorf("--url %q: want an absolute URL such as ws://127.0.0.1:8080/", f.url))
	}
	query := u.Query()
	t.room = cmp.Or(f.room, query.Get("room"), defaultRoom)
	query.Set("room", t.room)
	u.RawQuery = query.Encode()
	t.url = u.String()
	return t, nil
}

// message returns the message to send, nil if there is none.
func (f *websocketFlags) message(stdin io.Reader, flags *pflag.FlagSet, room string) ([]byte, error) {
	given := slices.DeleteFunc([]string{"body", "data", "text"}, func(name string) bool { return !flags.Changed(name) })
	switch {
	case len(given) > 1:
		return nil, errors.New("--body, --data and --text: one at a time")
	case f.binary && !flags.Changed("body"):
		return nil, errors.New("--binary: give the bytes with --body")
	case f.count < 0 || f.listen < 0:
		return nil, errors.New("--count and --listen cannot be negative")
	case len(given) == 0 && (f.listen > 0 || f.count > 0):
		return nil, nil
	}
	return f.bytes(stdin, func() ([]byte, error) {
		data := []byte(f.data)
		if !flags.Changed("data") {
			data, _ = json.Marshal(cmp.Or(f.text, "test message")) // cannot fail
		}
		if !json.Valid(data) {
			return nil, fmt.Errorf("--data %q is not JSON: for a text use --text", f.data)
		}
		return (&websocketsend.Message{Room: room, Data: data}).Body()
	})
}

// sent reports that the router has accepted a message.
func (f *websocketFlags) sent(w io.Writer, t websocketTarget, message []byte) error {
	if !f.asJSON {
		_, err := fmt.Fprintf(w, "%s accepted %s\n", t.shown(), printable(string(bytes.TrimSpace(message))))
		return err
	}
	return json.NewEncoder(w).Encode(struct {
		FormatVersion string          `json:"format_version"`
		URL           string          `json:"url"`
		Accepted      bool            `json:"accepted"`
		Event         json.RawMessage `json:"event"`
	}{formatVersion, t.shown(), true, websocketsend.AsJSON(message)})
}

// shown returns the URL to print: without other parameters, which may include a token.
func (t websocketTarget) shown() string {
	u, err := url.Parse(t.url)
	if err != nil {
		return ""
	}
	u.RawQuery = url.Values{"room": {t.room}}.Encode()
	return u.Redacted()
}

// messagePrinter prints received messages.
type messagePrinter struct {
	out    io.Writer
	json   bool
	silent bool
	want   int // 0: any number
	count  int
}

func (p *messagePrinter) done() bool { return p.silent || p.want > 0 && p.count == p.want }

func (p *messagePrinter) print(message []byte) (done bool, err error) {
	if p.done() {
		return true, nil
	}
	p.count++
	if p.json {
		err = json.NewEncoder(p.out).Encode(struct {
			FormatVersion string          `json:"format_version"`
			Received      json.RawMessage `json:"received"`
		}{formatVersion, websocketsend.AsJSON(message)})
	} else {
		_, err = fmt.Fprintln(p.out, printable(string(message)))
	}
	return p.done(), err
}
