package websocket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// accessEntry is one line of the access log. Names, order and type of the fields are those of API Gateway's logs.
type accessEntry struct {
	RequestID      string `json:"requestId"`
	IP             string `json:"ip"`
	RequestTime    string `json:"requestTime"`
	HTTPMethod     string `json:"httpMethod"`
	RouteKey       string `json:"routeKey"`
	Status         string `json:"status"`
	Protocol       string `json:"protocol"`
	ResponseLength string `json:"responseLength"`
}

// LogValue implements slog.LogValuer, so that text logs show the same field names.
//
//nolint:sloglint // these names are not ours
func (e *accessEntry) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("requestId", e.RequestID), slog.String("ip", e.IP), slog.String("requestTime", e.RequestTime),
		slog.String("httpMethod", e.HTTPMethod), slog.String("routeKey", e.RouteKey), slog.String("status", e.Status),
		slog.String("protocol", e.Protocol), slog.String("responseLength", e.ResponseLength),
	)
}

// accessTime is the time layout of the common log format.
const accessTime = "02/Jan/2006:15:04:05 -0700"

// Statuses to log for messages. An accepted message gets no response on the wire.
const (
	p200 = http.StatusOK
	p403 = http.StatusForbidden
	p503 = http.StatusServiceUnavailable
)

// accessLog writes a line for each connection, its end and each of its messages.
type accessLog struct {
	log  *slog.Logger
	name string // "off", "log" or a file name

	mu     sync.Mutex
	file   *os.File
	failed bool
}

func newAccessLog(name string, log *slog.Logger) *accessLog { return &accessLog{log: log, name: name} }

func (a *accessLog) connection(c *conn, now time.Time, route string) {
	a.write(slog.LevelInfo, &accessEntry{RequestID: c.requestID, IP: c.ip, RouteKey: route, Status: strconv.Itoa(p200)}, now)
}

func (a *accessLog) message(c *conn, now time.Time, route string, status int) {
	if !a.wants(slog.LevelDebug) {
		return
	}
	a.write(slog.LevelDebug, &accessEntry{RequestID: newID(), IP: c.ip, RouteKey: route, Status: strconv.Itoa(status)}, now)
}

// request logs a refused client, at level debug because there is no limit to their number.
func (a *accessLog) request(r *http.Request, id string, length int, now time.Time, p *refusal) {
	ip, _ := address(r.RemoteAddr)
	a.write(slog.LevelDebug, &accessEntry{
		RequestID: id, IP: ip, HTTPMethod: r.Method, RouteKey: RouteConnect, Status: strconv.Itoa(p.status), Protocol: r.Proto,
		ResponseLength: strconv.Itoa(length),
	}, now)
}

func (a *accessLog) wants(level slog.Level) bool {
	switch a.name {
	case "off":
		return false
	case "log":
		return a.log.Enabled(context.Background(), level)
	}
	return true
}

// write writes one line, to the file or, for the name "log", to the router's log.
func (a *accessLog) write(level slog.Level, e *accessEntry, now time.Time) {
	if !a.wants(level) {
		return
	}
	e.RequestTime = now.UTC().Format(accessTime)
	if e.ResponseLength == "" { // an upgraded connection
		e.HTTPMethod, e.Protocol, e.ResponseLength = http.MethodGet, "HTTP/1.1", "0"
	}
	if a.name == "log" {
		a.log.LogAttrs(context.Background(), level, "access", slog.Any("access", e))
		return
	}
	line, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("websocket: access log: %v", err)) // cannot happen: strings
	}
	a.append(append(line, '\n'))
}

// append writes a line to the file and opens the file for the first one. It logs the first of several failures.
func (a *accessLog) append(line []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var err error
	if a.file == nil {
		a.file, err = os.OpenFile(a.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	}
	if err == nil {
		_, err = a.file.Write(line)
	}
	if err != nil && !a.failed {
		a.log.Error("access log cannot be written", "path", a.name, "err", err)
	}
	a.failed = err != nil
}

func (a *accessLog) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file = nil
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
