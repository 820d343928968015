// Package partition knows the partitions of AWS: separate clouds, each with domains, regions and accounts of its own.
package partition

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// partitions in the order in which regions are compared: the pattern of "aws" also matches regions of "aws-cn".
var partitions = []struct {
	name, domain string
	region       *regexp.Regexp
}{
	{"aws-cn", "amazonaws.com.cn", regexp.MustCompile(`^cn-[a-z]+-\d+$`)},
	{"aws-us-gov", "amazonaws.com", regexp.MustCompile(`^us-gov-[a-z]+-\d+$`)},
	{"aws-eusc", "amazonaws.eu", regexp.MustCompile(`^eusc-[a-z]{2}-[a-z]+-\d+$`)}, // European Sovereign Cloud
	{"aws-iso", "c2s.ic.gov", regexp.MustCompile(`^us-iso-[a-z]+-\d+$`)},
	{"aws-iso-b", "sc2s.sgov.gov", regexp.MustCompile(`^us-isob-[a-z]+-\d+$`)},
	{"aws-iso-e", "cloud.adc-e.uk", regexp.MustCompile(`^eu-isoe-[a-z]+-\d+$`)},
	{"aws-iso-f", "csp.hci.ic.gov", regexp.MustCompile(`^us-isof-[a-z]+-\d+$`)},
	{"aws", "amazonaws.com", regexp.MustCompile(`^[a-z]{2}-[a-z]+-\d+$`)},
}

// Names returns the partitions in alphabetical order.
func Names() []string {
	var names []string
	for _, p := range partitions {
		names = append(names, p.name)
	}
	slices.Sort(names)
	return names
}

// Domain returns the DNS suffix of the endpoints in a partition, "" if the partition is unknown.
func Domain(name string) string {
	for _, p := range partitions {
		if p.name == name {
			return p.domain
		}
	}
	return ""
}

// Check returns an error that lists the known partitions if name is none of them.
func Check(name string) error {
	if Domain(name) == "" {
		return fmt.Errorf("unknown AWS partition %q: use one of %s", name, strings.Join(Names(), ", "))
	}
	return nil
}

// OfRegion returns the partition of a region, "" if the region is in no known one. Regions that AWS opens later in "aws" are
// recognised by their form.
func OfRegion(region string) string {
	for _, p := range partitions {
		if p.region.MatchString(region) {
			return p.name
		}
	}
	return ""
}

// OfHost returns the partition of an endpoint, "" if the host is not one of AWS. It may have a trailing port.
func OfHost(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	found := ""
	for _, p := range partitions {
		labels, ok := strings.CutSuffix(host, "."+p.domain)
		if !ok {
			continue
		}
		found = p.name // "aws" is the last one, so it has the hosts of its domain that name no region
		if slices.ContainsFunc(strings.Split(labels, "."), p.region.MatchString) {
			return p.name
		}
	}
	return found
}
