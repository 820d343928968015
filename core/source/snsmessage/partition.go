package snsmessage

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// domains are the DNS suffixes of the endpoints in each partition of AWS.
var domains = map[string]string{
	"aws":        "amazonaws.com",
	"aws-cn":     "amazonaws.com.cn",
	"aws-us-gov": "amazonaws.com",
	"aws-eusc":   "amazonaws.eu", // European Sovereign Cloud
	"aws-iso":    "c2s.ic.gov",
	"aws-iso-b":  "sc2s.sgov.gov",
	"aws-iso-e":  "cloud.adc-e.uk",
	"aws-iso-f":  "csp.hci.ic.gov",
}

// topic holds the parts of a topic's ARN that determine its endpoint.
type topic struct{ partition, region string }

// host returns the only host that may serve certificates and confirm subscriptions for the topic.
func (t topic) host() string { return "sns." + t.region + "." + domains[t.partition] }

// certificateNames returns the names that a signing certificate for the topic may be issued for.
func (t topic) certificateNames() []string {
	return []string{"sns.amazonaws.com", "sns." + domains[t.partition], t.host()}
}

// isAmazonHost reports whether name is an SNS endpoint of any partition.
func isAmazonHost(name string) bool {
	for _, domain := range domains {
		if strings.HasPrefix(name, "sns.") && strings.HasSuffix(name, "."+domain) {
			return true
		}
	}
	return false
}

// checkPartition returns an error if the partition in the pattern of a topic matches none that is known. Without it the
// messages of such a topic would be refused one by one, and SNS does not retry them.
func checkPartition(pattern string) error {
	for known := range domains {
		if ok, err := path.Match(pattern, known); err == nil && ok {
			return nil
		}
	}
	return fmt.Errorf("unknown AWS partition %q: use one of %s", pattern, strings.Join(slices.Sorted(maps.Keys(domains)), ", "))
}
