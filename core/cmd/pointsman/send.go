package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/source/intdash"
)

func newSend(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send",
		Short: "Send a test event as its real sender would",
		Long:  "Send a test event to a running router, signed as its real sender would sign it.",
		Args:  args(noCommand),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSendIntdash(s))
	return cmd
}

// intdashFlags describe the webhook to send.
type intdashFlags struct {
	configFlags
	message                     intdash.Message
	measurement                 string
	url, secret, source, config string
	body                        string
	asJSON                      bool
	timeout                     time.Duration
}

func newSendIntdash(s streams) *cobra.Command {
	var f intdashFlags
	cmd := &cobra.Command{
		Use:   "intdash",
		Short: "Send an intdash webhook",
		Long: `Sign and post a webhook as an intdash server does.

Without --url the path and the secret are those of the intdash source in the configuration, and the router is expected
where that configuration listens: a rule can be tried without an account anywhere.`,
		Example: `  pointsman send intdash --action completed --measurement 1a14f158-2a0c-44c7-ace1-e0d21ecc93e9
  pointsman send intdash --url https://router.example.com/hooks/intdash   # the secret in POINTSMAN_SECRET
  pointsman send intdash --body event.json                                # these bytes, signed as they are`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.message.Action, "action", "completed", "what happened: created, updated, deleted, completed, ...")
	flags.StringVar(&f.measurement, "measurement", "", "UUID of the measurement (default: a random one)")
	flags.StringVar(&f.message.ResourceType, "resource-type", "measurement", "what it happened to: measurement, edge, user, ...")
	flags.StringVar(&f.message.ResourceUUID, "resource", "", "UUID of the resource, when it is not a measurement")
	flags.StringVar(&f.message.ProjectUUID, "project", intdash.DefaultProject, "UUID of the project")
	flags.StringVar(&f.message.DeliveryUUID, "delivery", "", "UUID of the webhook delivery (default: a random one); give it twice to see a duplicate recognised")
	flags.StringVar(&f.body, "body", "", "file whose bytes are sent instead, - for standard input")
	flags.StringVar(&f.url, "url", "", "where to post to")
	flags.StringVar(&f.secret, "secret", "", "secret to sign with, for --url; better in the environment: "+envPrefix+"SECRET")
	flags.StringVar(&f.config, "config", defaultConfig, "configuration file or directory to take address, path and secret from")
	flags.StringVar(&f.source, "source", "", "name of the source, when the configuration has several of kind intdash")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the answer")
	flags.BoolVar(&f.asJSON, "json", false, "print the result as JSON")
	f.register(flags)
	return cmd
}

// sent is the answer of `send --json`.
type sent struct {
	FormatVersion string          `json:"format_version"`
	URL           string          `json:"url"`
	Status        int             `json:"status"`
	Accepted      bool            `json:"accepted"`
	Event         json.RawMessage `json:"event"`
}

func (f *intdashFlags) run(ctx context.Context, s streams) error {
	target, err := f.target(ctx, s)
	if err != nil {
		return err
	}
	body, err := f.bytes(s.in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	req, err := intdash.NewRequest(ctx, target.URL, []byte(target.Secret.Reveal()), body)
	if err != nil {
		return usageError(fmt.Errorf("--url: %w", err))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return unreachable(target.URL, err)
	}
	defer resp.Body.Close()
	if f.asJSON {
		if err := writeSent(s.out, target.URL, resp.StatusCode, body); err != nil {
			return err
		}
	} else if resp.StatusCode/100 == 2 {
		fmt.Fprintf(s.out, "%s accepted %s\n", target.URL, body)
	}
	return refusal(resp)
}

// target says where to post to and what to sign with.
func (f *intdashFlags) target(ctx context.Context, s streams) (app.IntdashTarget, error) {
	if f.url != "" {
		if u, err := url.Parse(f.url); err != nil || u.Host == "" {
			return app.IntdashTarget{}, usageError(fmt.Errorf("--url %q: want an absolute URL such as http://127.0.0.1:8080/hooks/intdash", f.url))
		}
		if f.secret == "" {
			return app.IntdashTarget{}, usageError(errors.New("--url needs a secret: set " + envPrefix + "SECRET or --secret"))
		}
		return app.NewIntdashTarget(f.url, f.secret), nil
	}
	target, diags, err := app.FindIntdash(ctx, f.options([]string{f.config}), f.source)
	if diags != nil && diags.HasErrors() {
		color, err := useColor(f.color, s.err)
		if err != nil {
			return target, err
		}
		err = writeDiagnostics(s.err, diags, color, "Give the router's configuration with --config, or an address with --url.")
		return target, errors.Join(err, errReported)
	}
	if err != nil {
		return target, &exitError{code: exitNotFound, err: err}
	}
	if f.secret != "" {
		target = app.NewIntdashTarget(target.URL, f.secret)
	}
	return target, nil
}

// bytes is the body to send.
func (f *intdashFlags) bytes(stdin io.Reader) ([]byte, error) {
	switch f.body {
	case "":
		return f.compose()
	case "-":
		return io.ReadAll(stdin)
	}
	return os.ReadFile(f.body)
}

// compose fills in what the flags leave open.
func (f *intdashFlags) compose() ([]byte, error) {
	m, err := intdash.NewMessage(rand.Reader, time.Now())
	if err != nil {
		return nil, err
	}
	m.Action, m.ResourceType, m.ProjectUUID = f.message.Action, f.message.ResourceType, f.message.ProjectUUID
	for _, id := range []string{f.measurement, f.message.ResourceUUID} {
		if id != "" {
			m.ResourceUUID = id
		}
	}
	if f.message.DeliveryUUID != "" {
		m.DeliveryUUID = f.message.DeliveryUUID
	}
	return m.Body(), nil
}

func writeSent(w io.Writer, url string, status int, body []byte) error {
	out := sent{FormatVersion: "1", URL: url, Status: status, Accepted: status/100 == 2, Event: body}
	if !json.Valid(body) {
		quoted, err := json.Marshal(string(body))
		if err != nil {
			return err
		}
		out.Event = quoted
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// unreachable says what to do when nobody answers.
func unreachable(target string, err error) error {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // without the URL, which stands in the sentence already
	}
	return &exitError{code: exitUnreachable, err: fmt.Errorf("no router answers at %s: %w\nStart it with: pointsman run %s", target, err, defaultConfig)}
}

// refusal turns an answer other than 2xx into an error that says what to do.
func refusal(resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return &exitError{code: exitAuth, err: fmt.Errorf("the router answers %s: it does not know the secret that signed this; both sides must have the same one", resp.Status)}
	case code == http.StatusNotFound:
		return &exitError{code: exitNotFound, err: fmt.Errorf("the router answers %s: no source is mounted at that path", resp.Status)}
	default:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // A part of the answer is better than none.
		return fmt.Errorf("the router answers %s: %s", resp.Status, text)
	}
}
