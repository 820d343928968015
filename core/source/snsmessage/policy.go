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
)

// Policy says which messages are taken.
type Policy struct {
	// Topics are the ARNs of the topics that may send. In each of their parts, * stands for any characters. None: no
	// message is taken.
	Topics []string
	// RequireVersion is the lowest SignatureVersion taken: 0 and 1 take both, 2 takes only SHA-256.
	RequireVersion int
	// InsecureCertHosts are hosts, with or without a port, whose word is taken for certificates and subscriptions although
	// they are not Amazon's: emulators. Plain HTTP is enough, and the certificate may be signed by anybody.
	InsecureCertHosts []string
	// MaxAge refuses messages older than that, and those from more than 5 minutes ahead; 0: any age. SNS repeats a message
	// with its first timestamp, for an hour as a rule and for weeks from a dead-letter queue.
	MaxAge time.Duration
}

// Warnings are what the operator should know about a policy at start.
func (p Policy) Warnings() []string {
	var warnings []string
	if len(p.Topics) == 0 {
		warnings = append(warnings, "topics is empty: no message is taken")
	}
	for i, pattern := range p.Topics {
		if parts := strings.Split(pattern, ":"); len(parts) == 6 && strings.Contains(parts[4], "*") {
			warnings = append(warnings, fmt.Sprintf("topics[%d] does not name one account: anybody with such an account may send", i))
		}
	}
	if len(p.InsecureCertHosts) > 0 {
		warnings = append(warnings, "insecure_cert_hosts: "+strings.Join(p.InsecureCertHosts, ", ")+" can sign any message: for tests only")
	}
	return warnings
}

// rules are a checked Policy.
type rules struct {
	topics   []string
	versions []string
	insecure map[string]bool
	maxAge   time.Duration
}

func newRules(p Policy) (*rules, error) {
	r := &rules{versions: []string{"1", "2"}, insecure: map[string]bool{}, maxAge: p.MaxAge}
	switch p.RequireVersion {
	case 0, 1:
	case 2:
		r.versions = []string{"2"}
	default:
		return nil, fmt.Errorf("require_signature_version: %d is none: use 1 or 2", p.RequireVersion)
	}
	if p.MaxAge < 0 {
		return nil, fmt.Errorf("max_age: %s is negative", p.MaxAge)
	}
	for i, pattern := range p.Topics {
		if !topicPattern.MatchString(pattern) {
			return nil, fmt.Errorf("topics[%d]: %q is no topic: write arn:aws:sns:REGION:ACCOUNT:NAME, where * stands for any characters of a part", i, pattern)
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

// topic is what the ARN of an allowed topic tells about the hosts that speak for it.
type topic struct{ partition, region string }

// topic returns the topic of an ARN, not ok when no pattern allows it.
func (r *rules) topic(arn string) (t topic, ok bool) {
	parts := topicARN.FindStringSubmatch(arn)
	if parts == nil {
		return topic{}, false
	}
	for _, pattern := range r.topics {
		if topicMatches(pattern, arn) {
			return topic{partition: parts[1], region: parts[2]}, true
		}
	}
	return topic{}, false
}

// topicMatches compares part by part, so that a * cannot reach from the region over the account into the name.
func topicMatches(pattern, arn string) bool {
	patterns, parts := strings.Split(pattern, ":"), strings.Split(arn, ":")
	for i, part := range parts {
		if ok, err := path.Match(patterns[i], part); err != nil || !ok {
			return false
		}
	}
	return true
}

// insecureHost returns the host as a URL's is compared with it.
func insecureHost(entry string) (string, error) {
	host := strings.ToLower(entry)
	name, port, err := net.SplitHostPort(host)
	if err != nil { // there is no port
		name = strings.Trim(host, "[]")
		host = name
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", errors.New("has no port number after its colon: write it as localhost or 127.0.0.1:4100")
	}
	switch {
	case name == "" || strings.ContainsAny(name, "/@?#*% \t\r\n\\"):
		return "", errors.New("is no host: write it as localhost or 127.0.0.1:4100")
	case amazonHost.MatchString(name):
		return "", errors.New("is Amazon's own: leave it out, it is trusted as it is")
	}
	return host, nil
}
