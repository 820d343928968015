package amazon

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

func TestCheckAccount(t *testing.T) {
	secret := schema.NewSecret("x")
	role := func(arn string) Account { return Account{Region: "eu-west-1", RoleARN: arn} }
	for name, tt := range map[string]struct {
		account Account
		custom  bool
		want    []string
	}{
		"nothing":           {Account{}, false, nil},
		"region":            {Account{Region: "eu-west-1"}, false, nil},
		"sovereign cloud":   {Account{Region: "eusc-de-east-1"}, false, nil},
		"no region":         {Account{Region: "EU West"}, true, []string{"b.region: want the name of a region"}},
		"unknown partition": {Account{Region: "us-isog-east-1"}, false, []string{`b.region: "us-isog-east-1" is in no AWS partition known here`}},
		"other server":      {Account{Region: "RegionOne"}, true, nil},
		"no secret":         {Account{AccessKey: "x"}, false, []string{"b.access_key: access_key and secret_key go together"}},
		"no key":            {Account{SessionToken: secret}, false, []string{"b.session_token: session_token needs access_key and secret_key"}},
		"keys and profile":  {Account{AccessKey: "x", SecretKey: secret, Profile: "lab"}, false, []string{"b.profile: there are two sources of credentials"}},
		"role":              {role("arn:aws:iam::123456789012:role/x"), false, nil},
		"no role":           {role("x"), false, []string{"b.role_arn: want the ARN of a role"}},
		"role of nowhere":   {role("arn:aws-moon:iam::123456789012:role/x"), false, []string{`b.role_arn: unknown AWS partition "aws-moon": use one of aws, aws-cn, aws-eusc, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-us-gov`}},
		"role elsewhere":    {role("arn:aws-cn:iam::123456789012:role/x"), false, []string{`b.role_arn: the role is in partition "aws-cn", and the region in "aws"`}},
	} {
		t.Run(name, func(t *testing.T) {
			var ds schema.Diagnostics
			tt.account.Check(&ds, "b.", tt.custom)
			var got []string
			for _, d := range ds {
				got = append(got, d.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckEndpoint(t *testing.T) {
	for text, want := range map[string]schema.Diagnostics{
		"": nil, "https://s3.example.com": nil, "http://127.0.0.1:9000/base": nil, "http://localhost": nil, "http://[::1]:1": nil,
		"http://s3.example.com": {{Path: "p", Summary: "requests will cross the network in clear text", Detail: "Use https.", Warning: true}},
		"s3.example.com":        {{Path: "p", Summary: "want the URL of a server", Detail: "For example https://e."}},
		"https://":              {{Path: "p", Summary: "want the URL of a server", Detail: "For example https://e."}},
		"https://u@h":           {{Path: "p", Summary: "want the URL of a server", Detail: "For example https://e."}},
		"https://h?x=1":         {{Path: "p", Summary: "want the URL of a server", Detail: "For example https://e."}},
	} {
		var ds schema.Diagnostics
		CheckEndpoint(&ds, "p", text, "https://e")
		if diff := cmp.Diff(want, ds); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
