package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pointsman/pointsman/core/app"
)

func newSend(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send",
		Short: "Send a test event as its real sender would",
		Long:  "Send a test event to a running router, signed as its real sender would sign it.",
		Args:  args(noCommand),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSendIntdash(s), newSendS3(s), newSendSNS(s), newSendWebSocket(s))
	return cmd
}

// sendFlags are what every kind of sender has: where to, which bytes, how to print the answer.
type sendFlags struct {
	configFlags
	url, source, config string
	body                string
	asJSON              bool
	timeout             time.Duration
}

// register adds the flags. Credential is what the configuration holds besides address and path.
func (f *sendFlags) register(flags *pflag.FlagSet, kind, credential string) {
	flags.StringVar(&f.body, "body", "", "file whose bytes are sent instead, - for standard input")
	flags.StringVar(&f.url, "url", "", "where to post to")
	flags.StringVar(&f.config, "config", defaultConfig, "configuration file or directory to take address, path and "+credential+" from")
	flags.StringVar(&f.source, "source", "", "name of the source, when the configuration has several of kind "+kind)
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the answer")
	flags.BoolVar(&f.asJSON, "json", false, "print the result as JSON")
	f.configFlags.register(flags)
}

// checkURL refuses a --url that nothing can be posted to.
func (f *sendFlags) checkURL(example string) error {
	if u, err := url.Parse(f.url); err != nil || u.Host == "" {
		return usageError(fmt.Errorf("--url %q: want an absolute URL such as %s", f.url, example))
	}
	return nil
}

// find finds the source in the configuration, and prints what is wrong with a configuration that can't be read.
func (f *sendFlags) find(ctx context.Context, s streams, kind string) (app.FoundSource, error) {
	found, diags, err := app.FindSource(ctx, f.options([]string{f.config}), kind, f.source)
	if diags != nil && diags.HasErrors() {
		color, err := useColor(f.color, s.err)
		if err != nil {
			return found, err
		}
		err = writeDiagnostics(s.err, diags, color, "Give the router's configuration with --config, or an address with --url.")
		return found, errors.Join(err, errReported)
	}
	if err != nil {
		return found, &exitError{code: exitNotFound, err: err}
	}
	return found, nil
}

// bytes is the body to send: that of --body, or else a composed one.
func (f *sendFlags) bytes(stdin io.Reader, compose func() ([]byte, error)) ([]byte, error) {
	switch f.body {
	case "":
		return compose()
	case "-":
		return io.ReadAll(stdin)
	}
	return os.ReadFile(f.body)
}

// posting is one request and what is to be said about its answer.
type posting struct {
	request *http.Request
	// shown is the URL for people to see: without what is secret in the request's.
	shown string
	body  []byte
	// refusals say what each status means to this kind of sender.
	refusals map[int]string
	// judge looks at the answer to what was accepted, where that answer matters to the sender, and says what it thinks of it.
	judge func(answer []byte) (verdict string, err error)
}

// post sends a request and prints what came of it.
func (f *sendFlags) post(s streams, p posting) error {
	resp, err := http.DefaultClient.Do(p.request)
	if err != nil {
		return unreachable(p.shown, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the router's answer: %w", err)
	}
	accepted, verdict, judged := resp.StatusCode/100 == 2, "", error(nil)
	if accepted && p.judge != nil {
		verdict, judged = p.judge(answer)
	}
	if f.asJSON {
		if err := writeSent(s.out, &p, resp.StatusCode, verdict); err != nil {
			return err
		}
	} else if accepted {
		fmt.Fprintf(s.out, "%s accepted %s\n", p.shown, p.body)
		if verdict != "" {
			fmt.Fprintln(s.out, verdict)
		}
	}
	return errors.Join(refusal(resp, answer, p.refusals), judged)
}

// sent is the answer of `send --json`.
type sent struct {
	FormatVersion string          `json:"format_version"`
	URL           string          `json:"url"`
	Status        int             `json:"status"`
	Accepted      bool            `json:"accepted"`
	Event         json.RawMessage `json:"event"`
	Verdict       string          `json:"verdict,omitempty"`
}

func writeSent(w io.Writer, p *posting, status int, verdict string) error {
	out := sent{FormatVersion: "1", URL: p.shown, Status: status, Accepted: status/100 == 2, Event: p.body, Verdict: verdict}
	if !json.Valid(p.body) {
		quoted, err := json.Marshal(string(p.body))
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
func refusal(resp *http.Response, answer []byte, refusals map[int]string) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	why, ok := refusals[resp.StatusCode]
	if !ok {
		why = string(answer)
	}
	err := fmt.Errorf("the router answers %s: %s", resp.Status, why)
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return &exitError{code: exitAuth, err: err}
	case http.StatusNotFound:
		return &exitError{code: exitNotFound, err: err}
	}
	return err
}
