package mirror

import (
	"context"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	transfertypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// attributes of an object are everything but its bytes. Storage class and encryption are those of the destination.
type attributes struct {
	put     s3.PutObjectInput // without bucket, key and body
	expires *string           // as stored, not always a date
}

func (m *Mirror) attributesOf(out *s3.GetObjectOutput, tags []types.Tag) attributes {
	to := m.config.Destination
	return attributes{expires: out.ExpiresString, put: s3.PutObjectInput{
		ContentType: out.ContentType, ContentEncoding: out.ContentEncoding, ContentLanguage: out.ContentLanguage,
		ContentDisposition: out.ContentDisposition, CacheControl: out.CacheControl, WebsiteRedirectLocation: out.WebsiteRedirectLocation,
		Metadata: out.Metadata, Tagging: form(tags),
		StorageClass: types.StorageClass(to.StorageClass), ServerSideEncryption: types.ServerSideEncryption(to.SSE), SSEKMSKeyId: written(to.KMSKeyID),
	}}
}

// upload returns the attributes for the transfer manager.
func (a attributes) upload() *transfermanager.UploadObjectInput {
	p := &a.put
	return &transfermanager.UploadObjectInput{
		ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, ContentLanguage: p.ContentLanguage,
		ContentDisposition: p.ContentDisposition, CacheControl: p.CacheControl, WebsiteRedirectLocation: p.WebsiteRedirectLocation,
		Metadata: p.Metadata, Tagging: p.Tagging, StorageClass: transfertypes.StorageClass(p.StorageClass),
		ServerSideEncryption: transfertypes.ServerSideEncryption(p.ServerSideEncryption), SSEKMSKeyID: p.SSEKMSKeyId,
	}
}

// create returns the attributes for a multipart upload.
func (a attributes) create() *s3.CreateMultipartUploadInput {
	p := &a.put
	return &s3.CreateMultipartUploadInput{
		ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, ContentLanguage: p.ContentLanguage,
		ContentDisposition: p.ContentDisposition, CacheControl: p.CacheControl, WebsiteRedirectLocation: p.WebsiteRedirectLocation,
		Metadata: p.Metadata, Tagging: p.Tagging, StorageClass: p.StorageClass,
		ServerSideEncryption: p.ServerSideEncryption, SSEKMSKeyId: p.SSEKMSKeyId,
	}
}

// headers sets headers that the SDK's inputs cannot express.
func (a attributes) headers() func(*s3.Options) {
	return func(o *s3.Options) {
		if a.expires != nil {
			o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("Expires", *a.expires))
		}
	}
}

func written(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// form encodes tags for the header x-amz-tagging. It returns nil without tags.
func form(tags []types.Tag) *string {
	if len(tags) == 0 {
		return nil
	}
	values := url.Values{}
	for _, t := range tags {
		values.Set(aws.ToString(t.Key), aws.ToString(t.Value))
	}
	return aws.String(values.Encode())
}

func (m *Mirror) sourceTags(ctx context.Context, key string) ([]types.Tag, error) {
	out, err := m.source.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &m.config.Source.Bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	return out.TagSet, nil
}
