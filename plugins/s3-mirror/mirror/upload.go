package mirror

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
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
	in := a.put()
	in.Bucket, in.Key = &m.config.Destination.Bucket, aws.String(m.DestinationKey(s.key))
	in.Body, in.ContentLength, in.ChecksumCRC32 = bytes.NewReader(slot.buffer), &s.size, m.checksum(slot.buffer)
	out, err := m.destination.PutObject(ctx, in, unsigned, a.headers())
	if err != nil {
		return Result{}, m.destinationError(s.key, err)
	}
	return Result{Action: Copied, Bytes: s.size, ETag: unquote(out.ETag), VersionID: aws.ToString(out.VersionId)}, nil
}

// fill reads the next n bytes into a slot.
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

// parts is a multipart upload under way. The SDK's transfer manager has buffers of its own for each object; here all
// objects share the mirror's.
type parts struct {
	m      *Mirror
	source string // key
	key    *string
	id     *string

	mu   sync.Mutex
	done []types.CompletedPart
}

func (m *Mirror) uploadParts(ctx context.Context, s *snapshot, a attributes) (Result, error) {
	p, err := m.begin(ctx, s.key, a)
	if err != nil {
		return Result{}, err
	}
	if err := p.send(ctx, s); err != nil {
		p.abort(ctx)
		return Result{}, err
	}
	return p.complete(ctx, s.size)
}

func (m *Mirror) begin(ctx context.Context, key string, a attributes) (*parts, error) {
	in := a.create()
	in.Bucket, in.Key = &m.config.Destination.Bucket, aws.String(m.DestinationKey(key))
	if m.checksums.Load() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
	}
	out, err := m.destination.CreateMultipartUpload(ctx, in, a.headers())
	if err != nil {
		return nil, m.destinationError(key, err)
	}
	return &parts{m: m, source: key, key: in.Key, id: out.UploadId}, nil
}

// send reads one part after the other and sends them side by side, as many as there are slots.
func (p *parts) send(ctx context.Context, s *snapshot) error {
	size := max(p.m.config.PartSize, (s.size+maxParts-1)/maxParts)
	group, sending := errgroup.WithContext(ctx)
	var failed error
	for number := int32(1); s.offset < s.size; number++ {
		slot, err := p.m.fill(sending, s, min(size, s.size-s.offset))
		if err != nil {
			failed = err
			break
		}
		group.Go(func() error {
			defer slot.release()
			return p.put(sending, number, slot.buffer)
		})
	}
	if err := group.Wait(); err != nil {
		return err // first: it may be why reading failed
	}
	return failed
}

func (p *parts) put(ctx context.Context, number int32, body []byte) error {
	checksum := p.m.checksum(body)
	out, err := p.m.destination.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &p.m.config.Destination.Bucket, Key: p.key, UploadId: p.id, PartNumber: &number,
		Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))), ChecksumCRC32: checksum,
	}, unsigned)
	if err != nil {
		return p.m.destinationError(p.source, err)
	}
	p.add(types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32: checksum})
	return nil
}

func (p *parts) add(c types.CompletedPart) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = append(p.done, c)
}

func (p *parts) complete(ctx context.Context, size int64) (Result, error) {
	slices.SortFunc(p.done, func(a, b types.CompletedPart) int { return cmp.Compare(*a.PartNumber, *b.PartNumber) })
	out, err := p.m.destination.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &p.m.config.Destination.Bucket, Key: p.key, UploadId: p.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: p.done},
	})
	if err != nil {
		p.abort(ctx)
		return Result{}, p.m.destinationError(p.source, err)
	}
	return Result{Action: Copied, Bytes: size, ETag: unquote(out.ETag), VersionID: aws.ToString(out.VersionId)}, nil
}

// abort frees what the destination has stored of the parts, also when the delivery's time is over.
func (p *parts) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := p.m.destination.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &p.m.config.Destination.Bucket, Key: p.key, UploadId: p.id,
	})
	if err != nil && answerOf(err).code != "NoSuchUpload" {
		p.m.log.Warn("a multipart upload is left behind", "bucket", p.m.config.Destination.Bucket, "key", *p.key,
			"upload", aws.ToString(p.id), "error", describe(err))
	}
}

// checksum is what lets the destination see that bytes changed on the way. It costs next to nothing, where a signature of
// the payload would cost a SHA-256 on both ends.
func (m *Mirror) checksum(b []byte) *string {
	if !m.checksums.Load() {
		return nil
	}
	return aws.String(base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b))))
}

func unsigned(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}

func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
