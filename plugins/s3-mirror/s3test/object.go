package s3test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// object is what counts of an object that rclone does not list.
type object struct {
	digest   [sha256.Size]byte
	metadata map[string]string
}

func (l Location) object(ctx context.Context, key string) (object, error) {
	out, err := l.Server.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(l.Bucket), Key: aws.String(l.Prefix + key)})
	if err != nil {
		return object{}, fmt.Errorf("reading %q: %w", key, err)
	}
	defer func() { _ = out.Body.Close() }()
	o := object{metadata: map[string]string{
		"content-type":        aws.ToString(out.ContentType),
		"content-encoding":    aws.ToString(out.ContentEncoding),
		"content-language":    aws.ToString(out.ContentLanguage),
		"content-disposition": aws.ToString(out.ContentDisposition),
		"cache-control":       aws.ToString(out.CacheControl),
	}}
	maps.Copy(o.metadata, out.Metadata)
	// versitygw gives every such key the same type, whatever it was stored with.
	if strings.HasSuffix(key, "/") {
		delete(o.metadata, "content-type")
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, out.Body); err != nil {
		return object{}, fmt.Errorf("reading %q: %w", key, err)
	}
	hash.Sum(o.digest[:0])
	return o, nil
}
