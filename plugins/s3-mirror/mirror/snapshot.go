package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// errChanged makes run start over.
var errChanged = errors.New("the object changed while it was copied")

// resumes is how often in a row a stream may break without progress.
const resumes = 4

// snapshot is one version of a source object, the response to one GET. If its stream breaks, it requests the rest of the same
// version.
type snapshot struct {
	*s3.GetObjectOutput
	m      *Mirror
	ctx    context.Context
	key    string
	size   int64
	offset int64
	// broken is the error of a stream that ended early.
	broken error
}

// open requests the current version.
func (m *Mirror) open(ctx context.Context, key string) (*snapshot, error) {
	out, err := m.source.GetObject(ctx, &s3.GetObjectInput{Bucket: &m.config.Source.Bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	s := &snapshot{GetObjectOutput: out, m: m, ctx: ctx, key: key, size: aws.ToInt64(out.ContentLength)}
	if out.ContentLength == nil || s.size < 0 {
		s.Close()
		return nil, errors.New("the response has no Content-Length")
	}
	return s, nil
}

// Close closes the stream.
func (s *snapshot) Close() { _ = s.Body.Close() }

// Read returns io.EOF only after the last byte of the object.
func (s *snapshot) Read(p []byte) (int, error) {
	n, err := s.readOn(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.broken = err
	}
	return n, err
}

func (s *snapshot) readOn(p []byte) (int, error) {
	for broken := 0; ; broken++ {
		if s.offset == s.size {
			return 0, io.EOF
		}
		n, err := s.read(p)
		s.offset += int64(n)
		if n > 0 || len(p) == 0 {
			return n, nil // the next read repeats the error
		}
		if ctxErr := s.ctx.Err(); ctxErr != nil {
			return 0, ctxErr
		}
		if broken == resumes {
			return 0, fmt.Errorf("the stream broke %d times at byte %d of %d: %w", broken+1, s.offset, s.size, unexpected(err))
		}
		if err := s.resume(broken); err != nil {
			return 0, err
		}
	}
}

func unexpected(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (s *snapshot) read(p []byte) (int, error) {
	p = p[:min(int64(len(p)), s.size-s.offset)]
	if s.m.limiter == nil {
		return s.Body.Read(p)
	}
	p = p[:min(len(p), s.m.limiter.Burst())]
	n, err := s.Body.Read(p)
	if errWait := s.m.limiter.WaitN(s.ctx, n); errWait != nil {
		return 0, errWait
	}
	return n, err
}

// resume requests the rest of the same version.
func (s *snapshot) resume(broken int) error {
	s.Close()
	if s.ETag == nil {
		return errChanged // the version cannot be identified
	}
	if err := wait(s.ctx, s.m.resumeDelay<<broken); err != nil {
		return err
	}
	out, err := s.m.source.GetObject(s.ctx, &s3.GetObjectInput{
		Bucket: &s.m.config.Source.Bucket, Key: &s.key, IfMatch: s.ETag, Range: aws.String(fmt.Sprintf("bytes=%d-", s.offset)),
	})
	switch status := responseOf(err).Status; {
	case err == nil:
	case missing(err), status == http.StatusPreconditionFailed, status == http.StatusRequestedRangeNotSatisfiable:
		return errChanged
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	case status == 0 || status >= 500:
		return nil // the next read fails at once and counts as broken
	default:
		return err
	}
	if aws.ToString(out.ETag) != *s.ETag || !strings.HasPrefix(aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-", s.offset)) {
		_ = out.Body.Close()
		return errChanged
	}
	s.m.log.Debug("resumed", "key", s.key, "offset", s.offset, "size", s.size)
	s.Body = out.Body
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
