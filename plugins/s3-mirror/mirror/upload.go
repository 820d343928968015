package mirror

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	transfertypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
)

// upload writes a snapshot to the destination.
func (m *Mirror) upload(ctx context.Context, s *snapshot, a attributes) (Result, error) {
	if s.size <= m.config.PartSize {
		return m.uploadWhole(ctx, s, a)
	}
	return m.uploadParts(ctx, s, a)
}

func (m *Mirror) uploadWhole(ctx context.Context, s *snapshot, a attributes) (Result, error) {
	slot, err := m.fill(ctx, s, s.size)
	if err != nil {
		return Result{}, err
	}
	defer slot.release()
	in := &a.put
	in.Bucket, in.Key = &m.config.Destination.Bucket, aws.String(m.DestinationKey(s.key))
	in.Body, in.ContentLength, in.ChecksumCRC32 = bytes.NewReader(slot.buffer), &s.size, m.checksum(slot.buffer)
	out, err := m.destination.PutObject(ctx, in, unsigned, a.headers())
	if err != nil {
		return Result{}, m.destinationError(s.key, err)
	}
	return Result{Action: Copied, Bytes: s.size, ETag: unquote(out.ETag), VersionID: aws.ToString(out.VersionId)}, nil
}

// fill reads the next n bytes into a new slot. The caller releases it.
func (m *Mirror) fill(ctx context.Context, s *snapshot, n int64) (*slot, error) {
	slot, err := m.slots.take(ctx, n)
	if err != nil {
		return nil, m.sourceError(s.key, err)
	}
	if _, err := io.ReadFull(s, slot.buffer); err != nil {
		slot.release()
		return nil, m.sourceError(s.key, unexpected(err))
	}
	return slot, nil
}

// uploadParts uses the SDK's transfer manager, which also aborts a failed upload. It allocates its own buffers, so room for them
// is reserved.
func (m *Mirror) uploadParts(ctx context.Context, s *snapshot, a attributes) (Result, error) {
	parallel, release, err := m.slots.reserve(ctx)
	if err != nil {
		return Result{}, m.sourceError(s.key, err)
	}
	defer release()
	in := a.upload()
	in.Bucket, in.Key = &m.config.Destination.Bucket, aws.String(m.DestinationKey(s.key))
	in.Body, in.ContentLength = s, &s.size
	if m.checksums.Load() {
		in.ChecksumAlgorithm = transfertypes.ChecksumAlgorithmCrc32
	}
	out, err := transfermanager.New(uploader{m, m.destination, a.headers()}, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = m.config.PartSize, m.config.PartSize, parallel
		o.MaxUploadParts, o.FailTimeout = maxParts, abortTimeout
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	}).UploadObject(ctx, in)
	switch {
	case s.broken != nil: // the cause of err
		return Result{}, m.sourceError(s.key, s.broken)
	case err != nil:
		return Result{}, m.destinationError(s.key, err)
	}
	return Result{Action: Copied, Bytes: s.size, ETag: unquote(out.ETag), VersionID: aws.ToString(out.VersionID)}, nil
}

// abortTimeout bounds the removal of the parts of a failed upload, which also happens after the deadline of the delivery.
const abortTimeout = 10 * time.Second

// uploader lets the transfer manager send parts as whole objects are sent: with an unsigned payload and a checksum header.
type uploader struct {
	m *Mirror
	*s3.Client
	headers func(*s3.Options)
}

// CreateMultipartUpload adds headers that the transfer manager cannot set.
func (u uploader) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, o ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	return u.Client.CreateMultipartUpload(ctx, in, append(o, u.headers)...)
}

// UploadPart sends the checksum as a header. The SDK would send a trailer, which many stores do not support.
func (u uploader) UploadPart(ctx context.Context, in *s3.UploadPartInput, o ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	if body, ok := in.Body.(io.ReadSeeker); ok && u.m.checksums.Load() {
		sum := crc32.NewIEEE()
		if _, err := io.Copy(sum, body); err != nil {
			return nil, err
		}
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		in.ChecksumCRC32 = encodeChecksum(sum.Sum32())
	}
	out, err := u.Client.UploadPart(ctx, in, append(o, unsigned)...)
	if err == nil && out.ChecksumCRC32 == nil {
		out.ChecksumCRC32 = in.ChecksumCRC32 // CompleteMultipartUpload needs it, also with stores that do not return it
	}
	return out, err
}

// AbortMultipartUpload logs parts that could not be removed.
func (u uploader) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, o ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	out, err := u.Client.AbortMultipartUpload(ctx, in, o...)
	if err != nil && responseOf(err).Code != "NoSuchUpload" {
		u.m.log.Warn("multipart upload could not be aborted", "bucket", aws.ToString(in.Bucket), "key", aws.ToString(in.Key),
			"upload", aws.ToString(in.UploadId), "error", amazon.Describe(err))
	}
	return out, err
}

// checksum lets the destination detect changed bytes. It costs much less than a signed payload, which needs a SHA-256 on both
// ends.
func (m *Mirror) checksum(b []byte) *string {
	if !m.checksums.Load() {
		return nil
	}
	return encodeChecksum(crc32.ChecksumIEEE(b))
}

func encodeChecksum(sum uint32) *string {
	return aws.String(base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum)))
}

func unsigned(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}

func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
