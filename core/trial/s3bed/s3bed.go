// Package s3bed holds what the subcommands about the S3 mirror share: a router that mirrors a bucket, and writing to S3 servers.
package s3bed

import (
	"bytes"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pointsman/pointsman/core/trial/testbed"
	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

const (
	// Token is the bearer token of the source of a mirroring router.
	Token = "only-for-the-trial-of-the-mirror-01"
	// Path is the path of the source.
	Path = "/hooks/uploads"
)

const config = `
source "s3" "uploads" {
  tokens  = [env("TRIAL_TOKEN")]
  buckets = [%[2]q]
}

plugin "s3-mirror" "backup" {
  settings {
    source {
      endpoint   = %[1]q
      bucket     = %[2]q
      access_key = %[3]q
      secret_key = env("TRIAL_SOURCE_SECRET")
    }
    destination {
      endpoint   = %[4]q
      bucket     = %[5]q
      access_key = %[6]q
      secret_key = env("TRIAL_DESTINATION_SECRET")
    }
    deletes     = true
    concurrency = %[7]d
  }
}

rule "backup" {
  on   = ["uploads"]
  when = startswith(event.type, "s3.object.")

  dispatch "backup" {
    order_by = event.subject
    timeout  = "30m"
  }
}
`

// NewRouter writes the configuration of a router that mirrors one bucket to another. It does not start the router.
func NewRouter(bin, dir string, from, to s3test.Location, concurrency int) (*testbed.Router, error) {
	text := fmt.Sprintf(config, from.Server.Endpoint, from.Bucket, from.Server.AccessKey, to.Server.Endpoint, to.Bucket, to.Server.AccessKey, concurrency)
	return testbed.NewRouter(bin, dir, text,
		"TRIAL_TOKEN="+Token, "TRIAL_SOURCE_SECRET="+from.Server.SecretKey, "TRIAL_DESTINATION_SECRET="+to.Server.SecretKey)
}

// CreateBucket creates an empty bucket.
func CreateBucket(ctx context.Context, s *s3test.Server, name string) error {
	_, err := s.Client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	return err
}

// Upload writes an object of the given size in parts. content returns the next n bytes.
func Upload(ctx context.Context, client *s3.Client, in *s3.CreateMultipartUploadInput, size, part int64, content func(n int64) []byte) error {
	created, err := client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	for ; size > 0; size -= part {
		number := aws.Int32(int32(len(parts) + 1)) //nolint:gosec // at most 10,000
		out, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: in.Bucket, Key: in.Key, UploadId: created.UploadId, PartNumber: number, Body: bytes.NewReader(content(min(part, size))),
		})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: number})
	}
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: in.Bucket, Key: in.Key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}
