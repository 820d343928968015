package s3

import "github.com/pointsman/pointsman/core/source/snsmessage"

// Published returns the message by which S3 publishes a notification to an SNS topic.
func Published(said []byte) snsmessage.Message {
	return snsmessage.Message{Type: snsmessage.Notification, Subject: "Amazon S3 Notification", HasSubject: true, Message: string(said)}
}
