package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/source/intdash"
	"github.com/pointsman/pointsman/core/source/intdash/intdashsend"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// intdashFlags describe the webhook to send.
type intdashFlags struct {
	sendFlags
	message     intdashsend.Message
	measurement string
	secret      string
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
	flags.StringVar(&f.message.ProjectUUID, "project", intdashsend.DefaultProject, "UUID of the project")
	flags.StringVar(&f.message.DeliveryUUID, "delivery", "", "UUID of the webhook delivery (default: a random one); give it twice to see a duplicate recognised")
	flags.StringVar(&f.secret, "secret", "", "secret to sign with, for --url; better in the environment: "+envPrefix+"SECRET")
	f.register(flags, intdash.Name, "secret")
	return cmd
}

// intdashRefusals say what the router's answers mean to an intdash server.
var intdashRefusals = map[int]string{
	http.StatusUnauthorized: "it does not know the secret that signed this; both sides must have the same one",
	http.StatusForbidden:    "it does not know the secret that signed this; both sides must have the same one",
	http.StatusNotFound:     "no source is mounted at that path",
}

func (f *intdashFlags) run(ctx context.Context, s streams) error {
	url, secret, err := f.target(ctx, s)
	if err != nil {
		return err
	}
	body, err := f.bytes(s.in, f.compose)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	req, err := intdashsend.NewRequest(ctx, url, []byte(secret.Reveal()), body)
	if err != nil {
		return usageError(fmt.Errorf("--url: %w", err))
	}
	return f.post(s, posting{request: req, shown: req.URL.Redacted(), body: body, refusals: intdashRefusals})
}

// target says where to post to and what to sign with.
func (f *intdashFlags) target(ctx context.Context, s streams) (string, schema.Secret, error) {
	given := schema.NewSecret(f.secret)
	if f.url != "" {
		if err := f.checkURL("http://127.0.0.1:8080/hooks/intdash"); err != nil {
			return "", given, err
		}
		if f.secret == "" {
			return "", given, usageError(errors.New("--url needs a secret: set " + envPrefix + "SECRET or --secret"))
		}
		return f.url, given, nil
	}
	found, err := f.find(ctx, s, intdash.Name)
	if err != nil || !given.IsZero() {
		return found.URL, given, err
	}
	var settings intdash.Settings
	if err := schema.Decode(nil, found.Settings, &settings); err != nil {
		return "", given, fmt.Errorf("source %q: %w", found.Name, err)
	}
	i := slices.IndexFunc(settings.Secrets, func(secret schema.Secret) bool { return !secret.IsZero() })
	if i < 0 {
		return "", given, &exitError{code: exitNotFound, err: fmt.Errorf("%s: source %q has no secret to sign with", f.config, found.Name)}
	}
	return found.URL, settings.Secrets[i], nil
}

// compose fills in what the flags leave open.
func (f *intdashFlags) compose() ([]byte, error) {
	m := intdashsend.NewMessage(time.Now())
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
