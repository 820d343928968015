package s3

import (
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// bridgeNotice converts an event of Amazon EventBridge, which has the same facts under other names.
func bridgeNotice(top object) *notice {
	detail := top.object("detail")
	bucket, object := detail.object("bucket"), detail.object("object")
	return &notice{
		data: &pointsmanv1.S3Event{
			EventName: top.text("detail-type"), Dialect: dialectEventBridge,
			Region:      top.text("region"),
			PrincipalId: detail.text("requester"),
			SourceIp:    detail.text("source-ip-address"),
			RequestId:   detail.text("request-id"),
			Object: &pointsmanv1.S3Object{
				Bucket:    bucket.text("name"),
				Size:      parseSize(object.scalar("size")),
				Etag:      unquoted(object.text("etag")),
				VersionId: object.text("version-id"),
				Sequencer: object.scalar("sequencer"),
			},
		},
		id:         top.text("id"),
		writtenKey: object.text("key"),
		time:       top.text("time"),
		attributes: attributes("reason", detail.text("reason"), "deletion_type", detail.text("deletion-type"), "account", top.text("account")),
	}
}
