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
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pointsman/pointsman/core/source/websocket"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// websocketFlags describe what is said into a room, and how long is listened to it.
type websocketFlags struct {
	sendFlags
	room, data, text string
	token            string
	binary           bool
	listen           time.Duration
	count            int
}

const usualRoom = "lobby"

func newSendWebSocket(s streams) *cobra.Command {
	var f websocketFlags
	cmd := &cobra.Command{
		Use:   "websocket",
		Short: "Say something into a WebSocket room, and listen to it",
		Long: `Join a room as a client does, say something, and with --listen or --count print what others say there.

Without --url the path and the token are those of the websocket source in the configuration, and the router is expected
where that configuration listens. The command ends well when the router has taken the message; whether anybody hears it
is for your rules to say. What was said itself is not heard, unless a rule sends it back.

--json prints a line of JSON for the message that was taken, and one for each that is heard.`,
		Example: `  pointsman send websocket --room lab --text 'hello'
  pointsman send websocket --room lab --data '{"name": "Ann", "text": "hello"}'
  pointsman send websocket --room lab --listen 1h           # only listen
  pointsman send websocket --room lab --text 'who is there?' --listen 10s
  pointsman send websocket --room lab --count 1             # wait for one message, 10 s at most; exit code 1 without
  pointsman send websocket --url wss://router.example.com/  # the token in POINTSMAN_TOKEN
  pointsman send websocket --body frame.json                # this message as it is
  pointsman send websocket --body picture.png --binary      # as a binary message`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s, cmd.Flags()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.room, "room", "", "room to join and to speak to (default: that of --url, or "+usualRoom+")")
	flags.StringVar(&f.text, "text", "", `what is said: a text (default, unless it is only listened: "test message")`)
	flags.StringVar(&f.data, "data", "", "what is said: JSON")
	flags.BoolVar(&f.binary, "binary", false, "send the bytes of --body as a binary message")
	flags.DurationVar(&f.listen, "listen", 0, "how long to print what is said in the room, each message on a line")
	flags.IntVar(&f.count, "count", 0, "how many messages to wait for: fewer within --listen, or --timeout, are a failure")
	flags.StringVar(&f.token, "token", "", "token to show; better in the environment: "+envPrefix+"TOKEN (default: the source's)")
	f.register(flags, websocket.Name, "token")
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
	v, err := enterRoom(ctx, target, f.timeout)
	if err != nil {
		return err
	}
	defer v.leave()
	hearing := hearing{out: s.out, json: f.asJSON, silent: f.listen == 0 && f.count == 0, want: f.count}
	if message != nil {
		if err := v.say(message, f.opCode(), f.timeout, hearing.print); err != nil {
			return err
		}
		if err := f.sent(s.out, target, message); err != nil {
			return err
		}
	}
	if hearing.silent {
		return nil
	}
	return v.listen(cmp.Or(f.listen, f.timeout), &hearing)
}

// websocketTarget is where to connect to and what to show there.
type websocketTarget struct {
	url, room string
	token     schema.Secret
}

// target joins what the flags say with what the configuration says.
func (f *websocketFlags) target(ctx context.Context, s streams) (websocketTarget, error) {
	t := websocketTarget{token: schema.NewSecret(f.token)}
	at := f.url
	if f.url == "" {
		found, err := f.find(ctx, s, websocket.Name)
		if err != nil {
			return t, err
		}
		var settings websocket.Settings
		if err := schema.Decode(nil, found.Settings, &settings); err != nil {
			return t, fmt.Errorf("source %q: %w", found.Name, err)
		}
		if i := slices.IndexFunc(settings.Tokens, func(token schema.Secret) bool { return !token.IsZero() }); i >= 0 && t.token.IsZero() {
			t.token = settings.Tokens[i]
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
	t.room = cmp.Or(f.room, query.Get("room"), usualRoom)
	query.Set("room", t.room)
	u.RawQuery = query.Encode()
	t.url = u.String()
	return t, nil
}

// message is what is to be said, nil when it is only listened.
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
			data, _ = json.Marshal(cmp.Or(f.text, "test message")) // A text can always be written.
		}
		if !json.Valid(data) {
			return nil, fmt.Errorf("--data %q is not JSON: for a text use --text", f.data)
		}
		return json.Marshal(struct {
			Room string          `json:"room"`
			Data json.RawMessage `json:"data"`
		}{room, data})
	})
}

// opCode is the kind of frame that the message is sent in.
func (f *websocketFlags) opCode() ws.OpCode {
	if f.binary {
		return ws.OpBinary
	}
	return ws.OpText
}

// sent says that the router has taken a message.
func (f *websocketFlags) sent(w io.Writer, t websocketTarget, message []byte) error {
	if !f.asJSON {
		_, err := fmt.Fprintf(w, "%s accepted %s\n", t.shown(), printable(bytes.TrimSpace(message)))
		return err
	}
	return json.NewEncoder(w).Encode(struct {
		FormatVersion string          `json:"format_version"`
		URL           string          `json:"url"`
		Accepted      bool            `json:"accepted"`
		Event         json.RawMessage `json:"event"`
	}{"1", t.shown(), true, asJSON(message)})
}

// shown is the URL for people to see: a token may be in it.
func (t websocketTarget) shown() string {
	u, err := url.Parse(t.url)
	if err != nil {
		return ""
	}
	u.RawQuery = url.Values{"room": {t.room}}.Encode()
	return u.Redacted()
}

// hearing prints what is heard in a room.
type hearing struct {
	out    io.Writer
	json   bool
	silent bool
	want   int // 0: as many as there are
	heard  int
}

// print prints a message. enough: it was the last that is wanted.
func (h *hearing) print(message []byte) (enough bool, err error) {
	if h.silent || h.want > 0 && h.heard == h.want {
		return true, nil
	}
	h.heard++
	if h.json {
		err = json.NewEncoder(h.out).Encode(struct {
			FormatVersion string          `json:"format_version"`
			Heard         json.RawMessage `json:"heard"`
		}{"1", asJSON(message)})
	} else {
		_, err = fmt.Fprintln(h.out, printable(message))
	}
	return h.want > 0 && h.heard == h.want, err
}

// asJSON returns a message as JSON: a text that is not JSON as a string, and bytes that are not text as {"base64": "..."}.
func asJSON(message []byte) json.RawMessage {
	switch {
	case json.Valid(message):
		return message
	case !utf8.Valid(message):
		encoded, _ := json.Marshal(map[string][]byte{"base64": message}) // bytes can always be written
		return encoded
	}
	text, _ := json.Marshal(string(message)) // A text can always be written.
	return text
}

// printable is a message as a terminal may see it: strangers write what is heard.
func printable(message []byte) string {
	text := string(message)
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	return strconv.Quote(text)
}
