package s3send

import (
	"encoding/binary"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// senders maps dialects to their senders, written after recordings of real stores or the vendor's documentation.
var senders = map[string]*sender{
	"minio": {
		defaults: func(m *Message) {
			m.Region, m.Principal, m.Configuration = "us-east-1", "minioadmin", "Config"
			m.RequestID, m.ContentType = nanoseconds(m.Time), "binary/octet-stream"
		},
		body: writeMinIO, names: map[string]string{"tagged": "ObjectCreated:PutTagging"}, prefixed: true,
		sequencer: nanoseconds, escapesHTML: true, contentType: "application/json", userAgent: goClient,
	},
	"aws": awsSender(),
	"sns": awsSender(), // SNS wraps what AWS sends
	"ceph": {
		defaults: func(m *Message) {
			m.Principal, m.Configuration, m.SourceIP = "pointsman", "pointsman", ""
			m.RequestID = cephZone + ".4118." + strconv.FormatInt(m.Time.UnixNano(), 10)
		},
		record: writeCeph, names: map[string]string{"tagged": ""}, unversionedMarkers: true,
		sequencer: cephSequencer, pathToken: true, contentType: "application/json",
	},
	"vk": {
		defaults: func(m *Message) {
			m.Region, m.Principal, m.Configuration = "ru-msk", "mcs1234567890", "1"
		},
		record: writeVK, names: map[string]string{"tagged": "", "marker": ""}, prefixed: true,
		sequencer: func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) },
		pathToken: true, contentType: "application/json",
	},
	"versitygw": {
		defaults: func(m *Message) {
			m.Region, m.Principal, m.Configuration, m.RequestID = "us-east-1", "vgw", "webhook-global", ""
		},
		body: writeVersityGW, names: map[string]string{"marker": ""}, prefixed: true, test: writeVersityGWTest,
		// The gateway counts from 1 since its start. The time looks like the counter of a gateway that has run for long.
		sequencer: nanoseconds, escapesHTML: true, pathToken: true, contentType: "application/json; charset=utf-8", userAgent: goClient,
	},
	"eventbridge": {
		defaults: func(m *Message) { m.Region, m.Principal = "ap-northeast-1", "123456789012" },
		body:     writeEventBridge,
		// Names are the detail type and, after a colon, the reason.
		names: map[string]string{
			"created": "Object Created:PutObject", "copied": "Object Created:CopyObject", "multipart": "Object Created:CompleteMultipartUpload",
			"removed": "Object Deleted:Permanently Deleted", "marker": "Object Deleted:Delete Marker Created", "tagged": "Object Tags Added:",
		},
		sequencer:   func(t time.Time) string { return fmt.Sprintf("%08x%08x", t.Unix(), t.Nanosecond()) },
		contentType: "application/json; charset=utf-8", userAgent: "Amazon/EventBridge/ApiDestinations",
	},
}

const (
	goClient = "Go-http-client/1.1"
	cephZone = "f716c9cd-7cf2-45e1-bbd9-953a1b42f81f"
	millis   = "2006-01-02T15:04:05.000Z"
	micros   = "2006-01-02T15:04:05.000000Z"
)

func nanoseconds(t time.Time) string { return fmt.Sprintf("%X", t.UnixNano()) }

// cephSequencer is a hexadecimal dump of the little-endian pair {sec, nsec}.
func cephSequencer(t time.Time) string {
	b := binary.LittleEndian.AppendUint32(nil, uint32(t.Unix()))
	return fmt.Sprintf("%X", binary.LittleEndian.AppendUint32(b, uint32(t.Nanosecond())))
}

func writeMinIO(m *Message, name string) ordered {
	content := ordered{}
	if !removal(name) {
		content = ordered{
			{"size", some(m.Size != 0, m.Size)},
			{"eTag", m.ETag},
			{"contentType", m.ContentType},
			{"userMetadata", ordered{{"content-type", m.ContentType}}},
		}
	}
	object := append(ordered{{"key", url.QueryEscape(m.Key)}}, content...)
	record := ordered{
		{"eventVersion", "2.0"},
		{"eventSource", "minio:s3"},
		{"awsRegion", m.Region},
		{"eventTime", m.Time.UTC().Format(millis)},
		{"eventName", name},
		{"userIdentity", ordered{{"principalId", m.Principal}}},
		{"requestParameters", ordered{{"principalId", m.Principal}, {"region", m.Region}, {"sourceIPAddress", m.SourceIP}}},
		{"responseElements", ordered{
			{"content-length", some(name != "s3:ObjectCreated:Put", "0")},
			{"x-amz-id-2", "dd9025bab4ad464b049177c95eb6ebf374d3b3fd1af9251148b658df7ac2e3e8"},
			{"x-amz-request-id", m.RequestID},
			{"x-minio-deployment-id", "617682f6-244b-40c1-ba3e-5645012e1cdc"},
			{"x-minio-origin-endpoint", "http://127.0.0.1:9000"},
		}},
		{"s3", ordered{
			{"s3SchemaVersion", "1.0"},
			{"configurationId", m.Configuration},
			{"bucket", m.bucket("principalId")},
			{"object", append(object, ordered{{"versionId", some(m.VersionID != "", m.VersionID)}, {"sequencer", m.Sequencer}}...)},
		}},
		{"source", ordered{{"host", m.SourceIP}, {"port", ""}, {"userAgent", "pointsman send"}}},
	}
	return ordered{{"EventName", name}, {"Key", m.Bucket + "/" + m.Key}, {"Records", []ordered{record}}}
}

func awsSender() *sender {
	return &sender{
		defaults: func(m *Message) {
			m.Region, m.Principal, m.Configuration = "ap-northeast-1", "AWS:AIDAEXAMPLE", "pointsman"
		},
		record: writeAWS, test: writeAWSTest,
		sequencer:   func(t time.Time) string { return fmt.Sprintf("00%08X%08X", t.Unix(), t.Nanosecond()) },
		contentType: "application/json",
	}
}

func writeAWS(m *Message, name string) ordered {
	created, gone, marker := creation(name), removal(name), strings.HasSuffix(name, ":DeleteMarkerCreated")
	version := "2.1"
	if !created && !gone {
		version = "2.3"
	}
	return ordered{
		{"eventVersion", version},
		{"eventSource", "aws:s3"},
		{"awsRegion", m.Region},
		{"eventTime", m.Time.UTC().Format(millis)},
		{"eventName", name},
		{"userIdentity", ordered{{"principalId", m.Principal}}},
		{"requestParameters", ordered{{"sourceIPAddress", m.SourceIP}}},
		{"responseElements", ordered{{"x-amz-request-id", m.RequestID}, {"x-amz-id-2", "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"}}},
		{"s3", ordered{
			{"s3SchemaVersion", "1.0"},
			{"configurationId", m.Configuration},
			{"bucket", m.bucket("principalId")},
			{"object", ordered{
				{"key", strings.ReplaceAll(url.QueryEscape(m.Key), "%2F", "/")},
				{"size", some(created, m.Size)},
				{"eTag", some(!gone || marker, m.ETag)},
				{"versionId", some(m.VersionID != "", m.VersionID)},
				{"sequencer", some(created || gone, m.Sequencer)},
			}},
		}},
	}
}

func writeAWSTest(m *Message) ordered {
	return ordered{
		{"Service", "Amazon S3"},
		{"Event", TestEvent},
		{"Time", m.Time.UTC().Format(millis)},
		{"Bucket", m.Bucket},
		{"RequestId", m.RequestID},
		{"HostId", "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"},
	}
}

func writeCeph(m *Message, name string) ordered {
	return ordered{
		{"eventVersion", "2.2"},
		{"eventSource", "ceph:s3"},
		{"awsRegion", m.Region},
		{"eventTime", m.Time.UTC().Format(micros)},
		{"eventName", name},
		{"userIdentity", ordered{{"principalId", m.Principal}}},
		{"requestParameters", ordered{{"sourceIPAddress", m.SourceIP}}},
		{"responseElements", ordered{{"x-amz-request-id", m.RequestID}, {"x-amz-id-2", "1016-default-default"}}},
		{"s3", ordered{
			{"s3SchemaVersion", "1.0"},
			{"configurationId", m.Configuration},
			{"bucket", append(m.bucket("principalId"), ordered{{"id", cephZone + ".4127.1"}}...)},
			{"object", ordered{
				{"key", m.Key},
				{"size", m.Size},
				{"eTag", m.ETag},
				{"versionId", m.VersionID},
				{"sequencer", m.Sequencer},
				{"metadata", []ordered{{{"key", "x-amz-date"}, {"val", m.Time.UTC().Format("20060102T150405Z")}}}},
				{"tags", []ordered{}},
			}},
		}},
		{"eventId", fmt.Sprintf("%d.%06d.%s", m.Time.Unix(), m.Time.Nanosecond()/1000, m.ETag)},
		{"opaqueData", ""},
	}
}

func writeVK(m *Message, name string) ordered {
	return ordered{
		{"s3", ordered{
			{"object", ordered{
				{"eTag", m.ETag},
				{"sequencer", decimal(m.Sequencer)},
				{"key", m.Key},
				{"size", m.Size},
			}},
			{"configurationId", m.Configuration},
			{"bucket", ordered{{"name", m.Bucket}, {"ownerIdentity", ordered{{"principalId", m.Principal}}}}},
			{"s3SchemaVersion", "1.0"},
		}},
		{"eventVersion", "1.0"},
		{"requestParameters", ordered{{"sourceIPAddress", m.SourceIP}}},
		{"userIdentity", ordered{{"principalId", m.Principal}}},
		{"eventName", name},
		{"awsRegion", m.Region},
		{"eventSource", "aws:s3"},
		{"responseElements", ordered{{"x-amz-request-id", m.RequestID}}},
	}
}

func writeVersityGW(m *Message, name string) ordered {
	size, etag := m.Size, any(`"`+m.ETag+`"`)
	version := any(nil)
	if m.VersionID != "" {
		version = m.VersionID
	}
	switch name {
	case "s3:ObjectCreated:Put":
	case "s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload":
		size, version = 0, m.VersionID // the gateway does not know the size
	default:
		size, etag = 0, nil
	}
	bucket := ordered{
		{"name", m.Bucket},
		{"ownerIdentity", ordered{{"PrincipalId", m.Principal}}},
		{"arn", "arn:aws:s3:::/" + m.Bucket + "/" + m.Key},
	}
	if name == "s3:ObjectRemoved:DeleteObjects" {
		bucket[2].value = "arn:aws:s3:::/" + m.Bucket
	}
	record := ordered{
		{"eventVersion", "2.2"},
		{"eventSource", "aws:s3"},
		{"awsRegion", m.Region},
		{"eventTime", m.Time.UTC().Format(time.RFC3339)},
		{"eventName", name},
		{"userIdentity", ordered{{"PrincipalId", m.Principal}}},
		{"requestParameters", ordered{{"sourceIPAddress", m.SourceIP}}},
		{"responseElements", ordered{{"x-amz-request-id", m.RequestID}, {"x-amz-id-2", ""}}},
		{"s3", ordered{
			{"s3SchemaVersion", "1.0"},
			{"configurationId", m.Configuration},
			{"bucket", bucket},
			{"object", ordered{{"key", m.Key}, {"size", size}, {"eTag", etag}, {"versionId", version}, {"sequencer", m.Sequencer}}},
		}},
		{"glacierEventData", ordered{
			{"restoreEventData", ordered{{"lifecycleRestorationExpiryTime", ""}, {"lifecycleRestoreStorageClass", ""}}},
		}},
	}
	return ordered{{"Records", []ordered{record}}}
}

// writeVersityGWTest returns what versitygw posts when it starts.
func writeVersityGWTest(m *Message) ordered {
	return ordered{{"Bucket", "Test-Bucket"}, {"Event", TestEvent}, {"Service", "S3"}, {"Time", m.Time.UTC().Format(time.RFC3339)}}
}

func writeEventBridge(m *Message, name string) ordered {
	detailType, reason, _ := strings.Cut(name, ":")
	deletion := ""
	if detailType == "Object Deleted" {
		reason, deletion = "DeleteObject", reason
	}
	created := detailType == "Object Created"
	return ordered{
		{"version", "0"},
		{"id", m.EventID},
		{"detail-type", detailType},
		{"source", "aws.s3"},
		{"account", "123456789012"},
		{"time", m.Time.UTC().Format(time.RFC3339)},
		{"region", m.Region},
		{"resources", []string{"arn:aws:s3:::" + m.Bucket}},
		{"detail", ordered{
			{"version", "0"},
			{"bucket", ordered{{"name", m.Bucket}}},
			{"object", ordered{
				{"key", m.Key},
				{"size", some(created, m.Size)},
				{"etag", some(detailType != "Object Deleted" || deletion == "Delete Marker Created", m.ETag)},
				{"version-id", some(m.VersionID != "", m.VersionID)},
				{"sequencer", some(created || deletion != "", m.Sequencer)},
			}},
			{"request-id", m.RequestID},
			{"requester", m.Principal},
			{"source-ip-address", m.SourceIP},
			{"reason", some(reason != "", reason)},
			{"deletion-type", some(deletion != "", deletion)},
		}},
	}
}

// bucket returns the object that describes the bucket; stores spell the name of the owner's id differently.
func (m *Message) bucket(owner string) ordered {
	return ordered{{"name", m.Bucket}, {"ownerIdentity", ordered{{owner, m.Principal}}}, {"arn", "arn:aws:s3:::" + m.Bucket}}
}
