package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

func TestCheck(t *testing.T) {
	const sides = `"source":{"bucket":"a"},"destination":{"bucket":"b"}`
	for _, c := range []struct {
		name, settings string
		want           []string // "severity path: summary"
	}{
		{name: "two buckets", settings: `{` + sides + `}`},
		{name: "nothing set", settings: `{}`, want: []string{
			"error source.bucket: want the name of a bucket", "error destination.bucket: want the name of a bucket",
		}},
		{name: "keys", settings: `{"source":{"bucket":"a","access_key":"k","secret_key":"s","session_token":"t"},"destination":{"bucket":"b"}}`},
		{name: "half a pair", settings: `{"source":{"bucket":"a","access_key":"k"},"destination":{"bucket":"b","secret_key":"s"}}`, want: []string{
			"error source.access_key: access_key and secret_key go together", "error destination.access_key: access_key and secret_key go together",
		}},
		{name: "token alone", settings: `{"source":{"bucket":"a","session_token":"t"},"destination":{"bucket":"b"}}`, want: []string{
			"error source.session_token: session_token needs access_key and secret_key",
		}},
		{name: "same place", settings: `{"source":{"bucket":"a"},"destination":{"bucket":"a"}}`, want: []string{
			"error destination.bucket: source and destination are the same place: the mirror would copy its own copies",
		}},
		{name: "same place by other names", settings: `{"source":{"endpoint":"http://localhost:9000","bucket":"a","prefix":"x"},"destination":{"endpoint":"http://127.0.0.1:9000/","bucket":"a","prefix":"x/y"}}`, want: []string{
			"error destination.bucket: source and destination are the same place: the mirror would copy its own copies",
		}},
		{name: "AWS by its endpoint", settings: `{"source":{"endpoint":"https://s3.eu-west-1.amazonaws.com","bucket":"a"},"destination":{"bucket":"a"}}`, want: []string{
			"error destination.bucket: source and destination are the same place: the mirror would copy its own copies",
		}},
		{name: "sovereign cloud by its endpoint", settings: `{"source":{"endpoint":"https://s3.eusc-de-east-1.amazonaws.eu","bucket":"a"},"destination":{"region":"eusc-de-east-1","bucket":"a"}}`, want: []string{
			"error destination.bucket: source and destination are the same place: the mirror would copy its own copies",
		}},
		{name: "region of the environment", settings: `{"source":{"bucket":"a"},"destination":{"region":"cn-north-1","bucket":"a"}}`, want: []string{
			"error destination.bucket: source and destination are the same place: the mirror would copy its own copies",
		}},
		{name: "partitions apart", settings: `{"source":{"region":"eu-west-1","bucket":"a"},"destination":{"region":"cn-north-1","bucket":"a"}}`},
		{name: "unknown partition", settings: `{"source":{"region":"us-isog-east-1","bucket":"a"},"destination":{"bucket":"b"}}`, want: []string{
			`error source.region: "us-isog-east-1" is in no AWS partition known here`,
		}},
		{name: "region of another store", settings: `{"source":{"endpoint":"https://s3.example.com","region":"RegionOne","bucket":"a"},"destination":{"bucket":"b"}}`},
		{name: "prefixes apart", settings: `{"source":{"bucket":"a","prefix":"x/"},"destination":{"bucket":"a","prefix":"y/"}}`},
		{name: "servers apart", settings: `{"source":{"endpoint":"http://127.0.0.1:9000","bucket":"a"},"destination":{"endpoint":"http://127.0.0.1:9001","bucket":"a"}}`},
		{name: "clear text", settings: `{"source":{"endpoint":"http://s3.example.com","bucket":"a"},"destination":{"endpoint":"http://localhost:1","bucket":"b"}}`, want: []string{
			"warning source.endpoint: requests will cross the network in clear text",
		}},
		{name: "bad endpoints", settings: `{"source":{"endpoint":"s3.example.com","bucket":"a"},"destination":{"endpoint":"https://u:p@s3.example.com","bucket":"b"}}`, want: []string{
			"error source.endpoint: want the URL of a server",
			"error destination.endpoint: want the URL of a server",
		}},
		{name: "bad bucket and authority", settings: `{"source":{"bucket":"a/b","ca":"x"},"destination":{"bucket":""}}`, want: []string{
			"error source.bucket: want the name of a bucket", "error source.ca: there is no certificate in it",
			"error destination.bucket: want the name of a bucket",
		}},
		{name: "key without kms", settings: `{"source":{"bucket":"a"},"destination":{"bucket":"b","kms_key_id":"k"}}`, want: []string{
			`error destination.kms_key_id: a key is used with sse = "aws:kms" only`,
		}},
		{name: "kms", settings: `{"source":{"bucket":"a"},"destination":{"bucket":"b","sse":"aws:kms","kms_key_id":"k"}}`},
		{name: "unknown encryption", settings: `{"source":{"bucket":"a"},"destination":{"bucket":"b","sse":"rot13"}}`, want: []string{
			"error destination.sse: want one of , AES256, aws:kms",
		}},
		{name: "sizes", settings: `{` + sides + `,"part_size":"5MiB","bandwidth":"1.5 GB","concurrency":1}`},
		{name: "small part", settings: `{` + sides + `,"part_size":"5MB"}`, want: []string{"error part_size: S3 has parts of 5MiB to 5GiB"}},
		{name: "big part", settings: `{` + sides + `,"part_size":"6GiB"}`, want: []string{"error part_size: S3 has parts of 5MiB to 5GiB"}},
		{name: "much memory", settings: `{` + sides + `,"part_size":"1GiB"}`, want: []string{
			"warning part_size: with concurrency = 8, this can need 8192 MiB of memory",
		}},
		{name: "units", settings: `{` + sides + `,"part_size":"8 megs","bandwidth":"-1"}`, want: []string{
			"error part_size: " + errSize.Error(), "error bandwidth: " + errSize.Error(),
		}},
		{name: "concurrency", settings: `{` + sides + `,"concurrency":0}`, want: []string{"error concurrency: want 1 to 256"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, d := range plugintest.Open(t, newPlugin()).Configure(c.settings, true) {
				severity := "error"
				if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_WARNING {
					severity = "warning"
				}
				got = append(got, severity+" "+d.GetPath()+": "+d.GetSummary())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1000": 1000, "8MiB": 8 << 20, " 8 mib ": 8 << 20, "1.5GiB": 3 << 29, "50MB": 50e6, "1KiB": 1024, "2kb": 2000, "3B": 3, "1TiB": 1 << 40,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "8 megs", "1e3", "99999999TiB", "1..5MiB", "8MiB/s"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: got %d", text, got)
		}
	}
}

// Without a region there is no endpoint of AWS.
func TestNoRegion(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	ds := plugintest.Open(t, newPlugin()).Configure(`{"source":{"bucket":"a"},"destination":{"bucket":"b","region":"eu-west-1"}}`, false)
	if len(ds) != 1 || ds[0].GetPath() != "source" {
		t.Errorf("got %v", ds)
	}
}
