package s3

import (
	"strconv"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// record is one element of Records, the form that all dialects except EventBridge share.
type record struct {
	// top is the record; the others are its objects userIdentity, s3, s3.bucket and s3.object.
	top, user, s3, bucket, object source.Object
}

func readRecord(m *source.Member) (*record, error) {
	if m.Kind != source.JSONObject {
		return nil, &source.Undecodable{Reason: wrongType, Detail: "the record is not an object"}
	}
	members, err := m.Members(make([]source.Member, 0, 16))
	if err != nil {
		return nil, err
	}
	r := &record{top: members}
	r.user, r.s3 = r.top.Object("userIdentity"), r.top.Object("s3")
	r.bucket, r.object = r.s3.Object("bucket"), r.s3.Object("object")
	return r, nil
}

// majorVersion returns the major number of eventVersion, "" if absent.
func (r *record) majorVersion() string {
	major, _, _ := strings.Cut(r.top.Scalar("eventVersion"), ".")
	return major
}

// checkVersion rejects unknown major versions. Within a major version stores only add members.
func (r *record) checkVersion(dialect string) error {
	want := grammars[dialect].major
	if major := r.majorVersion(); major != "" && major != want {
		return &source.Undecodable{Reason: unknownVersion, Detail: "eventVersion is not " + want + ".x, the version of dialect " + dialect}
	}
	return nil
}

// notice converts the record.
func (r *record) notice(dialect string) *notice {
	principal := r.user.Text("principalId")
	if dialect == dialectVersityGW && principal == "" {
		principal = r.user.Text("PrincipalId")
	}
	name := r.top.Text("eventName")
	return &notice{
		data: &pointsmanv1.S3Event{
			EventName: name, Dialect: dialect,
			Region:          r.top.Text("awsRegion"),
			ConfigurationId: r.s3.Text("configurationId"),
			PrincipalId:     principal,
			SourceIp:        r.top.Object("requestParameters").Text("sourceIPAddress"),
			RequestId:       r.top.Object("responseElements").Text("x-amz-request-id"),
			Object: &pointsmanv1.S3Object{
				Bucket:    r.bucket.Text("name"),
				Size:      r.size(dialect, name),
				Etag:      unquoted(r.object.Text("eTag")),
				VersionId: r.object.Text("versionId"),
				Sequencer: r.object.Scalar("sequencer"),
			},
		},
		writtenKey: r.object.Text("key"),
		time:       r.top.Text("eventTime"),
		attributes: attributes("content_type", r.object.Text("contentType")),
	}
}

// size returns the object's size. versitygw writes 0 for unknown sizes, so its 0 is used only for an object that was
// uploaded in one piece.
func (r *record) size(dialect, eventName string) *int64 {
	size := parseSize(r.object.Scalar("size"))
	if dialect == dialectVersityGW && size != nil && *size == 0 && bareName(eventName) != "ObjectCreated:Put" {
		return nil
	}
	return size
}

// parseSize returns nil for an invalid size: negative, or larger than any store allows.
func parseSize(text string) *int64 {
	const largest = 1 << 50 // 1 PiB; the maximum of AWS is 50 TB
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 0 || size > largest {
		return nil
	}
	return &size
}

// unquoted removes the quotes that HTTP puts around an entity tag.
func unquoted(etag string) string {
	if len(etag) >= 2 && etag[0] == '"' && etag[len(etag)-1] == '"' {
		return etag[1 : len(etag)-1]
	}
	return etag
}

// attributes returns the attributes for pairs of name and value, without those whose value is empty.
func attributes(pairs ...string) []*pointsmanv1.Attribute {
	var list []*pointsmanv1.Attribute
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, &pointsmanv1.Attribute{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	return list
}
