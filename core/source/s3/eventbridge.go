package s3

import (
	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// bridgeNotice converts an event of Amazon EventBridge, which has the same facts under other names.
func bridgeNotice(top source.Object) *notice {
	detail := top.Object("detail")
	bucket, object := detail.Object("bucket"), detail.Object("object")
	return &notice{
		data: &pointsmanv1.S3Event{
			EventName: top.Text("detail-type"), Dialect: dialectEventBridge,
			Region:      top.Text("region"),
			PrincipalId: detail.Text("requester"),
			SourceIp:    detail.Text("source-ip-address"),
			RequestId:   detail.Text("request-id"),
			Object: &pointsmanv1.S3Object{
				Bucket:    bucket.Text("name"),
				Size:      parseSize(object.Scalar("size")),
				Etag:      unquoted(object.Text("etag")),
				VersionId: object.Text("version-id"),
				Sequencer: object.Scalar("sequencer"),
			},
		},
		id:         top.Text("id"),
		writtenKey: object.Text("key"),
		time:       top.Text("time"),
		attributes: attributes("reason", detail.Text("reason"), "deletion_type", detail.Text("deletion-type"), "account", top.Text("account")),
	}
}
