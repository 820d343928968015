package source

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// sample lets one log line per second through, so that a sender of garbage cannot fill the disk.
type sample struct {
	second     atomic.Int64
	suppressed atomic.Int64
}

// allow reports whether to log now, and how many lines were suppressed since the last one.
func (s *sample) allow(now time.Time) (suppressed int64, ok bool) {
	second := now.Unix()
	if last := s.second.Load(); last == second || !s.second.CompareAndSwap(last, second) {
		s.suppressed.Add(1)
		return 0, false
	}
	return s.suppressed.Swap(0), true
}

// report logs the outcome of a request. It never logs a header, a body or a signature.
func (h *Webhook) report(r *http.Request, res result, requestID string) {
	level := res.outcome.info().level
	if !h.log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{slog.String("outcome", res.outcome.String()), slog.String("remote", r.RemoteAddr), slog.Int64("length", r.ContentLength)}
	if level > slog.LevelDebug {
		suppressed, ok := h.samples[res.outcome].allow(time.Now())
		if !ok {
			return
		}
		attrs = append(attrs, slog.Int64("suppressed", suppressed))
	}
	if requestID != "" {
		attrs = append(attrs, slog.String("request_id", requestID))
	}
	if res.eventID != "" {
		attrs = append(attrs, slog.String("event_id", res.eventID))
	}
	if res.err != nil {
		attrs = append(attrs, slog.Any("err", res.err))
	}
	h.log.LogAttrs(r.Context(), level, "request answered", attrs...)
}
