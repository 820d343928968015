package s3

import (
	"fmt"
	"strings"
)

// checkBuckets returns an error for a pattern of the allow-list that is invalid or could never match.
func checkBuckets(patterns []string) error {
	for i, p := range patterns {
		if p == "" {
			return fmt.Errorf("buckets[%d] is empty: name a bucket, or leave buckets out to allow any", i)
		}
		if strings.ContainsFunc(p, func(c rune) bool { return !isBucketRune(c) && c != '*' }) {
			return fmt.Errorf("buckets[%d] = %q: write the name of a bucket, where * matches any characters", i, p)
		}
	}
	return nil
}

// isBucketRune accepts the characters of bucket names; ":" separates a tenant of Ceph from its bucket.
func isBucketRune(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(".-_:", c)
}

// allowed reports whether a bucket is in the allow-list. An empty list allows any.
func allowed(patterns []string, bucket string) bool {
	for _, p := range patterns {
		if matches(p, bucket) {
			return true
		}
	}
	return len(patterns) == 0
}

// matches reports whether the whole name matches a pattern, in which * matches any characters or none.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return name == pattern
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(name) < len(first)+len(last) || !strings.HasPrefix(name, first) || !strings.HasSuffix(name, last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
	return true
}
