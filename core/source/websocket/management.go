package websocket

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pointsman/pointsman/core/bearer"
	"github.com/pointsman/pointsman/core/source"
)

// The management API has the paths, methods and errors of API Gateway's. Only authentication differs: it uses a bearer token.

// managementPath is below the source's path. The rest of the path is a connection id.
const managementPath = "/@connections/"

// apiError is an error of API Gateway. The SDKs read its name from a header.
type apiError struct {
	status int
	name   string
}

var (
	apiUnknown    = &apiError{http.StatusNotFound, "NotFoundException"}
	apiForbidden  = &apiError{http.StatusForbidden, "ForbiddenException"}
	apiGone       = &apiError{http.StatusGone, "GoneException"}
	apiLimit      = &apiError{http.StatusTooManyRequests, "LimitExceededException"}
	apiTooLarge   = &apiError{http.StatusRequestEntityTooLarge, "PayloadTooLargeException"}
	apiMethod     = &apiError{http.StatusMethodNotAllowed, "MethodNotAllowedException"}
	apiBadRequest = &apiError{http.StatusBadRequest, "BadRequestException"}
)

func (e *apiError) write(w http.ResponseWriter) {
	body := encode(map[string]string{"message": strings.TrimSuffix(e.name, "Exception")})
	h := w.Header()
	h.Set("X-Amzn-Errortype", e.name)
	if e == apiMethod {
		h.Set("Allow", "DELETE, GET, POST")
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(e.status)
	_, _ = w.Write(body) // as in refusal.write
}

// manage serves a request below the source's path.
func (s *Source) manage(w http.ResponseWriter, r *http.Request) {
	if failed := s.managed(w, r); failed != nil {
		failed.write(w)
	}
}

// managed authenticates and handles a request of the management API.
func (s *Source) managed(w http.ResponseWriter, r *http.Request) *apiError {
	id, ok := strings.CutPrefix(r.URL.Path, strings.TrimSuffix(s.path, "/")+managementPath)
	switch {
	case !ok || id == "" || len(s.managers) == 0:
		return apiUnknown
	case s.managers.Slot(bearer.Of(r)) < 0:
		s.log.Warn("management request without a valid token", "remote", r.RemoteAddr)
		return apiForbidden
	}
	switch r.Method {
	case http.MethodPost:
		return s.post(w, r, id)
	case http.MethodGet:
		return s.describe(w, id)
	case http.MethodDelete:
		return s.disconnect(w, id)
	}
	return apiMethod
}

// post sends the body to a connection, as a text message if it is UTF-8.
func (s *Source) post(w http.ResponseWriter, r *http.Request, id string) *apiError {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.limits.Message)))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return apiTooLarge
	} else if err != nil {
		return apiBadRequest
	}
	switch err := s.Send(id, data, !utf8.Valid(data)); {
	case errors.Is(err, source.ErrGone):
		return apiGone
	case errors.Is(err, source.ErrBusy):
		return apiLimit
	case err != nil:
		return apiTooLarge
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Source) describe(w http.ResponseWriter, id string) *apiError {
	c := s.hub.find(id)
	if c == nil || c.ending() {
		return apiGone
	}
	type identity struct {
		SourceIP  string `json:"sourceIp"`
		UserAgent string `json:"userAgent"`
	}
	body := encode(struct {
		ConnectedAt  string   `json:"connectedAt"`
		LastActiveAt string   `json:"lastActiveAt"`
		Identity     identity `json:"identity"`
	}{stamp(c.since), stamp(time.Unix(0, c.active.Load())), identity{c.ip, c.userAgent}})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // as in refusal.write
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *Source) disconnect(w http.ResponseWriter, id string) *apiError {
	c := s.hub.find(id)
	if c == nil || c.ending() {
		return apiGone
	}
	c.close(codeNormal, "")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
