// Package amazon holds what every client of AWS here needs: credentials, a bounded HTTP client, and the meaning of errors.
package amazon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/partition"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Account says in which region to call AWS, and with whose credentials. Embed it in a block of settings. The id of a key is no
// secret: that of another vendor's store is often a plain name, which must stay readable in logs.
type Account struct {
	Region       string        `pointsman:"region" doc:"Region, such as \"eu-west-1\". Default: AWS_REGION, or the region of the profile."`
	AccessKey    string        `pointsman:"access_key" doc:"Id of an access key. Default: the credentials that all AWS programs find (environment, ~/.aws, the machine's role)."`
	SecretKey    schema.Secret `pointsman:"secret_key" doc:"Secret of the access key."`
	SessionToken schema.Secret `pointsman:"session_token" doc:"Session token, if the access key is a temporary one."`
	Profile      string        `pointsman:"profile" doc:"Profile in ~/.aws that has the credentials. Default: AWS_PROFILE."`
	RoleARN      string        `pointsman:"role_arn" doc:"Role to assume with the credentials: \"arn:aws:iam::<account>:role/<name>\"."`
}

// Load returns the configuration for service clients. It makes no request; the first call of a client looks for credentials.
// client may be changed: AWS_CA_BUNDLE adds authorities to it.
func (a Account) Load(ctx context.Context, client *awshttp.BuildableClient) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),                   // with any other kind of client AWS_CA_BUNDLE is an error
		config.WithDefaultsMode(aws.DefaultsModeLegacy), // AWS_DEFAULTS_MODE=auto would query the metadata service now
	}
	if a.Region != "" {
		options = append(options, config.WithRegion(a.Region))
	}
	if a.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(a.Profile))
	}
	if a.AccessKey != "" {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(a.AccessKey, a.SecretKey.Reveal(), a.SessionToken.Reveal())))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return aws.Config{}, errors.New("there is no region: set region, or AWS_REGION")
	}
	if a.RoleARN != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg, withTimeout), a.RoleARN))
	}
	cfg.Logger = logging.Nop{} // the errors of calls hold the same
	return cfg, nil
}

// withTimeout bounds the calls for a role: the context of the call that needs it does not end them.
func withTimeout(o *sts.Options) {
	if client, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
		o.HTTPClient = client.WithTimeout(CallTimeout)
	}
}

// customRegion is the form of a region's name at an endpoint that is not one of AWS.
var customRegion = regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`)

// Check reports what the schema cannot. block is the path of the block with a dot at its end. custom means that calls go to a
// configured endpoint, where regions need not be those of AWS.
func (a Account) Check(ds *schema.Diagnostics, block string, custom bool) {
	inPartition := partition.OfRegion(a.Region)
	switch {
	case a.Region == "":
	case !customRegion.MatchString(a.Region):
		ds.Add(block+"region", "want the name of a region", `For example "eu-west-1".`)
	case !custom && inPartition == "":
		ds.Add(block+"region", fmt.Sprintf("%q is in no AWS partition known here", a.Region), `For example "eu-west-1". Set the endpoint if the region is right.`)
	}
	switch {
	case (a.AccessKey == "") != a.SecretKey.IsZero():
		ds.Add(block+"access_key", "access_key and secret_key go together", "Set both, or neither to use the credentials that all AWS programs find.")
	case !a.SessionToken.IsZero() && a.AccessKey == "":
		ds.Add(block+"session_token", "session_token needs access_key and secret_key", "")
	case a.Profile != "" && a.AccessKey != "":
		ds.Add(block+"profile", "there are two sources of credentials", "Keep either profile, or access_key and secret_key.")
	}
	if a.RoleARN != "" {
		a.checkRole(ds, block+"role_arn", inPartition)
	}
}

func (a Account) checkRole(ds *schema.Diagnostics, path, inPartition string) {
	role, err := arn.Parse(a.RoleARN)
	if err != nil || role.Service != "iam" || role.AccountID == "" {
		ds.Add(path, "want the ARN of a role", `For example "arn:aws:iam::123456789012:role/pointsman".`)
	} else if err := partition.Check(role.Partition); err != nil {
		ds.Add(path, err.Error(), "")
	} else if inPartition != "" && inPartition != role.Partition {
		ds.Add(path, fmt.Sprintf("the role is in partition %q, and the region in %q", role.Partition, inPartition), "")
	}
}

// CheckEndpoint reports a URL that is not that of a server, and a warning if clear text leaves the machine. It ignores an
// empty text.
func CheckEndpoint(ds *schema.Diagnostics, path, text, example string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		ds.Add(path, "want the URL of a server", "For example "+example+".")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		ds.Warn(path, "requests will cross the network in clear text", "Use https.")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
