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
	side                                                                   Destination
	contentType, encoding, language, disposition, cache, redirect, tagging *string
	expires                                                                *string // as stored, not always a date
	metadata                                                               map[string]string
}

func (m *Mirror) attributesOf(out *s3.GetObjectOutput, tags []types.Tag) attributes {
	return attributes{
		side: m.config.Destination, contentType: out.ContentType, encoding: out.ContentEncoding, language: out.ContentLanguage,
		disposition: out.ContentDisposition, cache: out.CacheControl, redirect: out.WebsiteRedirectLocation,
		expires: out.ExpiresString, metadata: out.Metadata, tagging: form(tags),
	}
}

func (a attributes) put() *s3.PutObjectInput {
	return &s3.PutObjectInput{
		ContentType: a.contentType, ContentEncoding: a.encoding, ContentLanguage: a.language, ContentDisposition: a.disposition,
		CacheControl: a.cache, WebsiteRedirectLocation: a.redirect, Metadata: a.metadata, Tagging: a.tagging,
		StorageClass: types.StorageClass(a.side.StorageClass), ServerSideEncryption: types.ServerSideEncryption(a.side.SSE),
		SSEKMSKeyId: written(a.side.KMSKeyID),
	}
}

func (a attributes) upload() *transfermanager.UploadObjectInput {
	return &transfermanager.UploadObjectInput{
		ContentType: a.contentType, ContentEncoding: a.encoding, ContentLanguage: a.language, ContentDisposition: a.disposition,
		CacheControl: a.cache, WebsiteRedirectLocation: a.redirect, Metadata: a.metadata, Tagging: a.tagging,
		StorageClass: transfertypes.StorageClass(a.side.StorageClass), ServerSideEncryption: transfertypes.ServerSideEncryption(a.side.SSE),
		SSEKMSKeyID: written(a.side.KMSKeyID),
	}
}

func (a attributes) create() *s3.CreateMultipartUploadInput {
	return &s3.CreateMultipartUploadInput{
		ContentType: a.contentType, ContentEncoding: a.encoding, ContentLanguage: a.language, ContentDisposition: a.disposition,
		CacheControl: a.cache, WebsiteRedirectLocation: a.redirect, Metadata: a.metadata, Tagging: a.tagging,
		StorageClass: types.StorageClass(a.side.StorageClass), ServerSideEncryption: types.ServerSideEncryption(a.side.SSE),
		SSEKMSKeyId: written(a.side.KMSKeyID),
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
