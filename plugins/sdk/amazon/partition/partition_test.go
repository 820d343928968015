package partition

import (
	"strings"
	"testing"
)

func TestPartitions(t *testing.T) {
	for _, tt := range []struct{ partition, region, host string }{
		{"aws", "eu-west-1", "sns.eu-west-1.amazonaws.com"},
		{"aws", "il-central-1", "s3.dualstack.il-central-1.amazonaws.com:443"},
		{"aws", "mx-central-1", "S3.amazonaws.com"},
		{"aws-cn", "cn-north-1", "sns.cn-north-1.amazonaws.com.cn"},
		{"aws-us-gov", "us-gov-west-1", "sns.us-gov-west-1.amazonaws.com"},
		{"aws-eusc", "eusc-de-east-1", "sns.eusc-de-east-1.amazonaws.eu"},
		{"aws-iso", "us-iso-east-1", "sns.us-iso-east-1.c2s.ic.gov"},
		{"aws-iso-b", "us-isob-east-1", "sns.us-isob-east-1.sc2s.sgov.gov"},
		{"aws-iso-e", "eu-isoe-west-1", "sns.eu-isoe-west-1.cloud.adc-e.uk"},
		{"aws-iso-f", "us-isof-south-1", "sns.us-isof-south-1.csp.hci.ic.gov"},
		{"", "us-isog-east-1", "sns.us-isog-east-1.example"},
		{"", "us-east", "amazonaws.com"},
		{"", "Ireland", "sns.eu-west-1.amazonaws.com.example"},
		{"", "", ""},
	} {
		if got := OfRegion(tt.region); got != tt.partition {
			t.Errorf("region %q: %q, want %q", tt.region, got, tt.partition)
		}
		if got := OfHost(tt.host); got != tt.partition {
			t.Errorf("host %q: %q, want %q", tt.host, got, tt.partition)
		}
		if err := Check(tt.partition); (err == nil) != (tt.partition != "") {
			t.Errorf("partition %q: %v", tt.partition, err)
		}
		if domain := Domain(tt.partition); tt.partition != "" && !strings.Contains(strings.ToLower(tt.host), "."+domain) {
			t.Errorf("partition %q: domain %q", tt.partition, domain)
		}
	}
}
