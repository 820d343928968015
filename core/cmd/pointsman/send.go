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

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

func newSend(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send",
		Short: "Send a test event as its real sender would",
		Long:  "Send a test event to a running router, signed as its real sender would sign it.",
		Args:  groupOnly,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSendIntdash(s), newSendS3(s), newSendSNS(s), newSendWebSocket(s))
	return cmd
}

// sendFlags are the flags of every kind of sender.
type sendFlags struct {
	configFlags
	url, source, config string
	body                string
	asJSON              bool
	timeout             time.Duration
}

// register adds the flags. credential names what the configuration contains besides address and path.
func (f *sendFlags) register(cmd *cobra.Command, kind, credential string) {
	flags := cmd.Flags()
	flags.StringVar(&f.body, "body", "", "file with the body to send instead, - for standard input")
	flags.StringVar(&f.url, "url", "", "URL to send to")
	flags.StringVar(&f.config, "config", defaultConfig, "configuration file or directory with the address, path and "+credential)
	flags.StringVar(&f.source, "source", "", "name of the source, if the configuration has several of kind "+kind)
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the response")
	flags.BoolVar(&f.asJSON, "json", false, "print the result as JSON")
	f.configFlags.register(flags)
	_ = cmd.RegisterFlagCompletionFunc("source", completeFromConfig(&f.configFlags, &f.config, func(c *config.Config) (names []string) {
		for _, s := range c.Sources {
			if s.Kind == kind {
				names = append(names, s.Name)
			}
		}
		return names
	})) // it fails only for a flag that does not exist
}

// checkURL returns an error if --url is not absolute.
func (f *sendFlags) checkURL(example string) error {
	if u, err := url.Parse(f.url); err != nil || u.Host == "" {
		return usageError(fmt.Errorf("--url %q: want an absolute URL such as %s", f.url, example))
	}
	return nil
}

// find returns the source in the configuration and decodes its settings. If the configuration is invalid it prints the
// diagnostics.
func (f *sendFlags) find(ctx context.Context, s streams, kind string, settings any) (app.FoundSource, error) {
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
	if err := schema.Decode(nil, found.Settings, settings); err != nil {
		return found, fmt.Errorf("source %q: %w", found.Name, err)
	}
	return found, nil
}

// firstSecret returns the first secret that is not empty, or an empty one.
func firstSecret(secrets []schema.Secret) schema.Secret {
	for _, s := range secrets {
		if !s.IsZero() {
			return s
		}
	}
	return schema.Secret{}
}

// bytes returns the body to send: the content of --body, or a composed one.
func (f *sendFlags) bytes(stdin io.Reader, compose func() ([]byte, error)) ([]byte, error) {
	switch f.body {
	case "":
		return compose()
	case "-":
		return io.ReadAll(stdin)
	}
	return os.ReadFile(f.body)
}

// posting is a request and how to report its response.
type posting struct {
	request *http.Request
	// shown is the URL to print, without secrets.
	shown string
	body  []byte
	// refusals explain statuses to this kind of sender.
	refusals map[int]string
	// judge checks the response to an accepted request as the real sender would. nil: the real sender ignores it.
	judge func(answer []byte) (verdict string, err error)
}

// post sends a request and prints the outcome.
func (f *sendFlags) post(s streams, p posting) error {
	resp, err := http.DefaultClient.Do(p.request)
	if err != nil {
		return unreachable(p.shown, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the response: %w", err)
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

// sent is the output of `send --json`.
type sent struct {
	FormatVersion string          `json:"format_version"`
	URL           string          `json:"url"`
	Status        int             `json:"status"`
	Accepted      bool            `json:"accepted"`
	Event         json.RawMessage `json:"event"`
	Verdict       string          `json:"verdict,omitempty"`
}

func writeSent(w io.Writer, p *posting, status int, verdict string) error {
	out := sent{FormatVersion: formatVersion, URL: p.shown, Status: status, Accepted: status/100 == 2, Event: p.body, Verdict: verdict}
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

// unreachable explains that there was no response.
func unreachable(target string, err error) error {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // without the URL, which the message already contains
	}
	return &exitError{code: exitUnreachable, err: fmt.Errorf("no router answers at %s: %w\nStart it with: pointsman run %s", target, err, defaultConfig)}
}

// refusal returns an error that explains a status other than 2xx.
func refusal(resp *http.Response, answer []byte, refusals map[int]string) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	why, ok := refusals[resp.StatusCode]
	if !ok {
		why = detail(answer)
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

// detail returns the detail of a problem document, or the whole answer if it is none.
func detail(answer []byte) string {
	var problem struct{ Detail string }
	if err := json.Unmarshal(answer, &problem); err != nil || problem.Detail == "" {
		return string(answer)
	}
	return problem.Detail
}
