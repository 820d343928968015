package snsmessage

import (
	"fmt"
	"path"
	"strings"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/partition"
)

// topic holds the parts of a topic's ARN that determine its endpoint.
type topic struct{ partition, region string }

// host returns the only host that may serve certificates and confirm subscriptions for the topic.
func (t topic) host() string { return "sns." + t.region + "." + partition.Domain(t.partition) }

// certificateNames returns the names that a signing certificate for the topic may be issued for.
func (t topic) certificateNames() []string {
	return []string{"sns.amazonaws.com", "sns." + partition.Domain(t.partition), t.host()}
}

// isAmazonHost reports whether name is an SNS endpoint of any partition.
func isAmazonHost(name string) bool {
	return strings.HasPrefix(name, "sns.") && partition.OfHost(name) != ""
}

// checkPartition returns an error if the partition in the pattern of a topic matches none that is known. Without it the
// messages of such a topic would be refused one by one, and SNS does not retry them.
func checkPartition(pattern string) error {
	names := partition.Names()
	for _, known := range names {
		if ok, err := path.Match(pattern, known); err == nil && ok {
			return nil
		}
	}
	return fmt.Errorf("unknown AWS partition %q: use one of %s", pattern, strings.Join(names, ", "))
}
