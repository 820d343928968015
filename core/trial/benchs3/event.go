package benchs3

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// notification is the body that MinIO posts for a new object.
const notification = `{"EventName":"s3:ObjectCreated:Put","Key":%[1]q,"Records":[{"eventVersion":"2.0","eventSource":"minio:s3","awsRegion":"",` +
	`"eventTime":%[2]q,"eventName":"s3:ObjectCreated:Put","userIdentity":{"principalId":"pointsman"},` +
	`"requestParameters":{"principalId":"pointsman","region":"","sourceIPAddress":"127.0.0.1"},` +
	`"responseElements":{"content-length":"0","x-amz-id-2":"bench","x-amz-request-id":"%[3]X","x-minio-deployment-id":"bench","x-minio-origin-endpoint":"http://127.0.0.1:9000"},` +
	`"s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":%[4]q,"ownerIdentity":{"principalId":"pointsman"},"arn":%[5]q},` +
	`"object":{"key":%[6]q,"size":%[7]d,"eTag":%[8]q,"contentType":"application/octet-stream","userMetadata":{"content-type":"application/octet-stream"},"sequencer":"%[3]X"}},` +
	`"source":{"host":"127.0.0.1","port":"","userAgent":"bench"}}]}`

// notifications returns the body of a notification for each object of a bucket at the source.
func (b *bench) notifications(ctx context.Context, bucket string) (bodies []string, err error) {
	err = list(ctx, b.source, bucket, func(page []types.Object) error {
		for _, o := range page {
			bodies = append(bodies, notify(bucket, o))
		}
		return nil
	})
	return bodies, err
}

func notify(bucket string, o types.Object) string {
	key, written := aws.ToString(o.Key), aws.ToTime(o.LastModified)
	return fmt.Sprintf(notification, bucket+"/"+key, written.UTC().Format("2006-01-02T15:04:05.000Z"), time.Now().UnixNano(),
		bucket, "arn:aws:s3:::"+bucket, url.QueryEscape(key), aws.ToInt64(o.Size), strings.Trim(aws.ToString(o.ETag), `"`))
}
