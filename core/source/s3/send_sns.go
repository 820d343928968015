package s3

import "github.com/pointsman/pointsman/core/source/snsmessage"

// Published is the message by which S3 publishes to an SNS topic what it says.
func Published(said []byte) snsmessage.Message {
	return snsmessage.Message{Type: snsmessage.Notification, Subject: "Amazon S3 Notification", HasSubject: true, Message: string(said)}
}
