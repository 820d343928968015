package snsmessage

import (
	"errors"
	"fmt"
	"net"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/partition"
)

// Policy decides which messages are accepted.
type Policy struct {
	// Topics are the ARNs of the allowed topics. In each part of an ARN, * matches any characters. With no topics, no message
	// is accepted.
	Topics []string
	// RequireVersion is the lowest SignatureVersion accepted: 0 and 1 accept both, 2 accepts only SHA-256.
	RequireVersion int
	// InsecureCertHosts are hosts, with or without a port, that may serve certificates and confirm subscriptions although
	// they are not Amazon's: emulators. They may use plain HTTP and self-signed certificates.
	InsecureCertHosts []string
	// MaxAge is the maximum age of a message; those more than 5 minutes in the future are refused as well. 0: any age. SNS
	// retries a message with its first timestamp, usually for an hour, and for weeks from a dead-letter queue.
	MaxAge time.Duration
	// AutoConfirm confirms subscriptions to Topics. Otherwise the URL that confirms is logged.
	AutoConfirm bool
}

// Warnings returns what the operator should know about the policy at start.
func (p Policy) Warnings() []string {
	var warnings []string
	if len(p.Topics) == 0 {
		warnings = append(warnings, "topics is empty: every message is refused")
	}
	for i, pattern := range p.Topics {
		if parts := strings.Split(pattern, ":"); len(parts) == 6 && strings.Contains(parts[4], "*") {
			warnings = append(warnings, fmt.Sprintf("topics[%d] matches more than one account: anybody who owns one of them can send", i))
		}
	}
	if len(p.InsecureCertHosts) > 0 {
		warnings = append(warnings, "insecure_cert_hosts: "+strings.Join(p.InsecureCertHosts, ", ")+" can sign any message; use it for tests only")
	}
	return warnings
}

// ruleset is a validated Policy.
type ruleset struct {
	topics   []string
	versions []string
	insecure map[string]bool
	maxAge   time.Duration
}

// newRuleset checks and compiles a policy. Its errors name the setting.
func newRuleset(p Policy) (*ruleset, error) {
	r := &ruleset{versions: []string{"1", "2"}, insecure: map[string]bool{}, maxAge: p.MaxAge}
	switch p.RequireVersion {
	case 0, 1:
	case 2:
		r.versions = []string{"2"}
	default:
		return nil, fmt.Errorf("require_signature_version: %d does not exist: use 1 or 2", p.RequireVersion)
	}
	if p.MaxAge < 0 {
		return nil, fmt.Errorf("max_age: %s is negative", p.MaxAge)
	}
	for i, pattern := range p.Topics {
		if !topicPattern.MatchString(pattern) {
			return nil, fmt.Errorf("topics[%d]: %q is not the ARN of a topic: write arn:aws:sns:REGION:ACCOUNT:NAME, where * matches any characters of a part", i, pattern)
		}
		if err := checkPartition(strings.Split(pattern, ":")[1]); err != nil {
			return nil, fmt.Errorf("topics[%d]: %w", i, err)
		}
		r.topics = append(r.topics, pattern)
	}
	for i, entry := range p.InsecureCertHosts {
		host, err := insecureHost(entry)
		if err != nil {
			return nil, fmt.Errorf("insecure_cert_hosts[%d]: %q %w", i, entry, err)
		}
		r.insecure[host] = true
	}
	return r, nil
}

var (
	topicARN     = regexp.MustCompile(`^arn:(aws[a-z-]*):sns:([a-zA-Z0-9-]{1,64}):[a-zA-Z0-9-]{1,64}:[a-zA-Z0-9_-]{1,256}(?:\.fifo)?$`)
	topicPattern = regexp.MustCompile(`^arn:[a-z*-]+:sns:[a-zA-Z0-9*-]+:[a-zA-Z0-9*-]+:[a-zA-Z0-9_.*-]+$`)
)

// topic parses an ARN. ok is false if the policy does not allow the topic.
func (r *ruleset) topic(arn string) (t topic, ok bool) {
	parts := topicARN.FindStringSubmatch(arn)
	if parts == nil || partition.Domain(parts[1]) == "" {
		return topic{}, false
	}
	for _, pattern := range r.topics {
		if topicMatches(pattern, arn) {
			return topic{partition: parts[1], region: parts[2]}, true
		}
	}
	return topic{}, false
}

// topicMatches compares part by part, so that a * cannot match across a colon.
func topicMatches(pattern, arn string) bool {
	patterns, parts := strings.Split(pattern, ":"), strings.Split(arn, ":")
	for i, part := range parts {
		if ok, err := path.Match(patterns[i], part); err != nil || !ok {
			return false
		}
	}
	return true
}

// insecureHost returns the host in the form that isInsecure compares.
func insecureHost(entry string) (string, error) {
	host := strings.ToLower(entry)
	name, port, err := net.SplitHostPort(host)
	if err != nil { // there is no port
		name = strings.Trim(host, "[]")
		host = name
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", errors.New("has an invalid port: write it as localhost or 127.0.0.1:4100")
	}
	switch {
	case name == "" || strings.ContainsAny(name, "/@?#*% \t\r\n\\"):
		return "", errors.New("is not a host: write it as localhost or 127.0.0.1:4100")
	case isAmazonHost(name):
		return "", errors.New("belongs to Amazon and is always trusted: remove it")
	}
	return host, nil
}
