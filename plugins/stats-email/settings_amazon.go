package main

import (
	"net/url"
	"regexp"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
	"github.com/pointsman/pointsman/plugins/stats-email/amazon"
)

// snsSettings is the block `sns`.
type snsSettings struct {
	TopicARN     string        `pointsman:"topic_arn,required" doc:"The topic, \"arn:aws:sns:<region>:<account>:<name>\". Its subscribers get the mails, once they have confirmed."`
	Region       string        `pointsman:"region" doc:"Default: the topic's. Another one makes sense only with endpoint."`
	Endpoint     string        `pointsman:"endpoint" doc:"Address to call in place of Amazon's own: a VPC endpoint, or a server for tests."`
	AccessKey    schema.Secret `pointsman:"access_key" doc:"Default, with secret_key: what Amazon's tools find (environment, ~/.aws, the machine's role)."`
	SecretKey    schema.Secret `pointsman:"secret_key" doc:"Goes with access_key."`
	SessionToken schema.Secret `pointsman:"session_token" doc:"Of temporary keys."`
	ASCIISubject bool          `pointsman:"ascii_subject" doc:"Replace a subject that is not all ASCII by \"Measurement statistics\", for regions and servers that refuse it."`
}

// sesSettings is the block `ses`.
type sesSettings struct {
	Region           string        `pointsman:"region,required" doc:"Region in which the sender is verified, such as \"eu-west-1\"."`
	Endpoint         string        `pointsman:"endpoint" doc:"Address to call in place of Amazon's own: a VPC endpoint, or a server for tests."`
	AccessKey        schema.Secret `pointsman:"access_key" doc:"Default, with secret_key: what Amazon's tools find (environment, ~/.aws, the machine's role)."`
	SecretKey        schema.Secret `pointsman:"secret_key" doc:"Goes with access_key."`
	SessionToken     schema.Secret `pointsman:"session_token" doc:"Of temporary keys."`
	ConfigurationSet string        `pointsman:"configuration_set" doc:"Configuration set to send with. Default: the sender's."`
}

func (s *snsSettings) account() amazon.Account {
	region := s.Region
	if region == "" {
		region, _ = amazon.TopicRegion(s.TopicARN) // check has seen it
	}
	return amazon.Account{Region: region, Endpoint: s.Endpoint, AccessKey: s.AccessKey, SecretKey: s.SecretKey, SessionToken: s.SessionToken}
}

func (s *sesSettings) account() amazon.Account {
	return amazon.Account{Region: s.Region, Endpoint: s.Endpoint, AccessKey: s.AccessKey, SecretKey: s.SecretKey, SessionToken: s.SessionToken}
}

func (s *snsSettings) check(ds *problems) {
	if s == nil {
		ds.add("sns", `a block "sns" is needed with via = "sns"`, `Add sns { topic_arn = "arn:aws:sns:..." }.`)
		return
	}
	region, err := amazon.TopicRegion(s.TopicARN)
	switch {
	case err != nil:
		ds.add("sns.topic_arn", err.Error(), `For example "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic".`)
	case s.Region != "" && s.Region != region && s.Endpoint == "":
		ds.add("sns.region", "the topic is in "+region+", and SNS takes messages only there", "Leave region out.")
	}
	checkAccount(ds, "sns.", s.account())
}

func (s *sesSettings) check(ds *problems) {
	if s == nil {
		ds.add("ses", `a block "ses" is needed with via = "ses"`, `Add ses { region = "eu-west-1" }, with the region in which the sender is verified.`)
		return
	}
	checkAccount(ds, "ses.", s.account())
}

var regionName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// checkAccount looks at what both blocks have. prefix is the path of the block.
func checkAccount(ds *problems, prefix string, a amazon.Account) {
	if !regionName.MatchString(a.Region) && prefix+a.Region != "sns." { // a topic without a region has its own diagnostic
		ds.add(prefix+"region", "want the name of a region", `For example "eu-west-1".`)
	}
	u, err := url.Parse(a.Endpoint)
	switch {
	case a.Endpoint == "":
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		ds.add(prefix+"endpoint", `want an address such as "https://vpce-1.sns.eu-west-1.vpce.amazonaws.com"`, "Leave it out for Amazon's own.")
	case u.Scheme == "http" && !isLoopbackHost(u.Hostname()):
		ds.warn(prefix+"endpoint", "mails will cross the network in clear text", "Use https.")
	}
	if a.AccessKey.IsZero() != a.SecretKey.IsZero() {
		ds.add(prefix+"access_key", "access_key and secret_key go together", "Set both, or none to have Amazon's usual places looked into.")
	} else if !a.SessionToken.IsZero() && !a.HasKeys() {
		ds.add(prefix+"session_token", "session_token needs access_key and secret_key", "")
	}
}
