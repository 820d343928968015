package s3test_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// oddKeys are hard to put into URLs or paths; both servers accept them.
var oddKeys = []string{"a b", "a+b", "a%2Fb", "ü/日本語", "folder/", "q?x=1&y", "it's \"quoted\" #1", "dir/.hidden"}

func TestCompare(t *testing.T) {
	testenv.Need(t, testenv.Rclone)
	t.Setenv("AWS_CA_BUNDLE", "/nowhere") // rclone must not see it
	a := s3test.Location{Server: s3test.MinIO(t, nil), Bucket: "main", Prefix: "from/"}
	b := s3test.Location{Server: s3test.VersityGW(t, s3test.VersityOptions{}), Bucket: "copy", Prefix: "to/"}
	for _, l := range []s3test.Location{a, b} {
		bucket(t, l.Server, l.Bucket)
		add := func(key, body string, change func(*s3.PutObjectInput)) {
			in := s3.PutObjectInput{
				Bucket: aws.String(l.Bucket), Key: aws.String(l.Prefix + key), ContentType: aws.String("text/plain"),
				Metadata: map[string]string{"colour": "red"}, Tagging: aws.String("x=1&y=2"),
			}
			if change != nil && l == b {
				change(&in)
			}
			if strings.HasSuffix(key, "/") {
				body = "" // versitygw accepts no bytes there
			}
			put(t, l.Server, in, body)
		}
		for _, key := range oddKeys {
			add(key, "body of "+key, nil)
		}
		add("same", "same", nil)
		add("metadata", "same", func(in *s3.PutObjectInput) { in.Metadata["colour"] = "blue" })
		add("type", "same", func(in *s3.PutObjectInput) { in.ContentType = aws.String("text/html") })
		add("tags", "same", func(in *s3.PutObjectInput) { in.Tagging = aws.String("x=2") })
		add("bytes", map[bool]string{true: "1234", false: "4321"}[l == a], nil)
		add("size", map[bool]string{true: "1234", false: "12345"}[l == a], nil)
		add("odd/", "", func(in *s3.PutObjectInput) { in.Metadata["colour"] = "blue" })
		add(map[bool]string{true: "only a", false: "only b"}[l == a], "same", nil)
	}
	got, err := s3test.Compare(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	var starts []string
	for _, line := range got {
		starts = append(starts, strings.SplitN(line, " map[", 2)[0])
	}
	want := []string{
		`"bytes": different bytes`, `"metadata": metadata`, `"odd/": metadata`, `"only a": missing`, `"only b": extra`,
		`"size": size 5, not 4`, `"tags": tags`, `"type": metadata`,
	}
	if d := cmp.Diff(want, starts); d != "" {
		t.Errorf("%s\n%s", d, got)
	}
}

func TestCompareEqual(t *testing.T) {
	testenv.Need(t, testenv.Rclone)
	t.Parallel()
	s := s3test.MinIO(t, nil)
	locations := []s3test.Location{{Server: s, Bucket: "one"}, {Server: s, Bucket: "two"}}
	for _, l := range locations {
		bucket(t, s, l.Bucket)
		for i := range 50 {
			put(t, s, s3.PutObjectInput{Bucket: aws.String(l.Bucket), Key: aws.String(fmt.Sprintf("k/%d", i))}, "body")
		}
	}
	got, err := s3test.Compare(t.Context(), locations[0], locations[1])
	if err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
