package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

Without --url, address, path and secret are taken from the configuration. You need no intdash account to try a rule.`,
		Example: `  pointsman send intdash --action completed --measurement 1a14f158-2a0c-44c7-ace1-e0d21ecc93e9
  pointsman send intdash --url https://router.example.com/hooks/intdash   # the secret in POINTSMAN_SECRET
  pointsman send intdash --body event.json                                # these bytes, signed unchanged`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.message.Action, "action", "completed", "action: created, updated, deleted, completed, ...")
	flags.StringVar(&f.measurement, "measurement", "", "UUID of the measurement (default: a random one)")
	flags.StringVar(&f.message.ResourceType, "resource-type", "measurement", "type of the resource: measurement, edge, user, ...")
	flags.StringVar(&f.message.ResourceUUID, "resource", "", "UUID of the resource, if it is not a measurement")
	flags.StringVar(&f.message.ProjectUUID, "project", intdashsend.DefaultProject, "UUID of the project")
	flags.StringVar(&f.message.DeliveryUUID, "delivery", "", "UUID of the webhook delivery (default: a random one); use one twice to see a duplicate detected")
	flags.StringVar(&f.secret, "secret", "", "secret to sign with; better in the environment: "+envPrefix+"SECRET (default: the source's)")
	f.register(cmd, intdash.Name, "secret")
	return cmd
}

// intdashRefusals explain statuses to an intdash server.
var intdashRefusals = map[int]string{
	http.StatusUnauthorized: "the source has another secret: both sides need the same one",
	http.StatusForbidden:    "the source has another secret: both sides need the same one",
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

// target returns the URL to post to and the secret to sign with.
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
	var settings intdash.Settings
	found, err := f.find(ctx, s, intdash.Name, &settings)
	if err != nil || !given.IsZero() {
		return found.URL, given, err
	}
	secret := firstSecret(settings.Secrets)
	if secret.IsZero() {
		return "", given, &exitError{code: exitNotFound, err: fmt.Errorf("%s: source %q has no secret to sign with", f.config, found.Name)}
	}
	return found.URL, secret, nil
}

// compose returns the body that the flags describe.
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
