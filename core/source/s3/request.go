package s3

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// request is one authenticated request. Its body is parsed once.
type request struct {
	*protocol
	url  *url.URL
	slot int
	// top is the parsed body; err is why it could not be parsed.
	top source.Object
	err error
	// message is top as a verified SNS message, nil if it is none.
	message *snsmessage.Message
}

func (q *request) read(body []byte) {
	if q.top, q.err = source.ReadObject(string(body), make([]source.Member, 0, 16)); q.err != nil {
		q.top = nil // nothing may be decided by the part that could be read
	}
}

// verify checks the signature of an SNS message.
func (q *request) verify(ctx context.Context) error {
	message, err := snsmessage.FromObject(q.top)
	if err != nil {
		return &source.Refused{Reason: snsMalformed, Status: http.StatusForbidden, Detail: "not an SNS message: " + err.Error()}
	}
	q.message = message
	return q.sns.Verify(ctx, message)
}

// Slot implements source.Request.
func (q *request) Slot() int { return q.slot }

// VerifiedBy implements source.Signed.
func (q *request) VerifiedBy() string {
	if q.message == nil {
		return ""
	}
	return q.message.VerifiedBy()
}

// Events implements source.Request.
func (q *request) Events(context.Context, time.Time) ([]source.Event, error) {
	switch {
	case q.err != nil:
		return nil, q.err
	case q.message != nil:
		return decodeSNS(q.dialect, q.message, q.options)
	}
	return decode(q.dialect, q.top, &q.options)
}
