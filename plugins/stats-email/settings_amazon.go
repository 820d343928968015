package main

import (
	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/stats-email/awsmail"
)

// snsSettings is the block `sns`.
type snsSettings struct {
	TopicARN string `pointsman:"topic_arn,required" doc:"The topic, \"arn:aws:sns:<region>:<account>:<name>\". Its subscribers get the mails, once they have confirmed."`
	amazon.Account
	Endpoint     string `pointsman:"endpoint" doc:"Address to call in place of the region's own: a VPC endpoint, or a server for tests."`
	ASCIISubject bool   `pointsman:"ascii_subject" doc:"Replace a subject that is not all ASCII by \"Measurement statistics\", for regions and servers that refuse it."`
}

// sesSettings is the block `ses`.
type sesSettings struct {
	amazon.Account
	Endpoint         string `pointsman:"endpoint" doc:"Address to call in place of the region's own: a VPC endpoint, or a server for tests."`
	ConfigurationSet string `pointsman:"configuration_set" doc:"Configuration set to send with. Default: the sender's."`
}

// account returns the account with the region of the topic, unless the settings name another one.
func (s *snsSettings) account() amazon.Account {
	a := s.Account
	if a.Region == "" {
		a.Region, _ = awsmail.TopicRegion(s.TopicARN) // check reports the error
	}
	return a
}

func (s *snsSettings) check(ds *sdk.Diagnostics) {
	if s == nil {
		ds.Add("sns", `a block "sns" is needed with via = "sns"`, `Add sns { topic_arn = "arn:aws:sns:..." }.`)
		return
	}
	region, err := awsmail.TopicRegion(s.TopicARN)
	switch {
	case err != nil:
		ds.Add("sns.topic_arn", err.Error(), `For example "arn:aws:sns:ap-northeast-1:123456789012:reporting-topic".`)
	case s.Region != "" && s.Region != region && s.Endpoint == "":
		ds.Add("sns.region", "the topic is in "+region+", and SNS accepts messages only there", "Leave region out.")
	}
	amazon.CheckEndpoint(ds, "sns.endpoint", s.Endpoint, "https://vpce-1.sns.eu-west-1.vpce.amazonaws.com")
	s.account().Check(ds, "sns.", s.Endpoint != "")
}

func (s *sesSettings) check(ds *sdk.Diagnostics) {
	if s == nil {
		ds.Add("ses", `a block "ses" is needed with via = "ses"`, `Add ses { region = "eu-west-1" }, with the region in which the sender is verified.`)
		return
	}
	amazon.CheckEndpoint(ds, "ses.endpoint", s.Endpoint, "https://vpce-1.email.eu-west-1.vpce.amazonaws.com")
	s.Check(ds, "ses.", s.Endpoint != "")
}
