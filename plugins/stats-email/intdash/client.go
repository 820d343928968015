// Package intdash reads the data points of a measurement from the REST API of an intdash server, as a stream.
package intdash

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2/clientcredentials"
)

const (
	connectTimeout = 10 * time.Second
	headerTimeout  = 30 * time.Second
	idleTimeout    = 30 * time.Second
)

// Config names the server and the credentials: Token, or ClientID with ClientSecret.
type Config struct {
	// URL is "https://host", with or without "/api" behind it.
	URL string
	// Token is an API token, sent as X-Intdash-Token.
	Token string
	// ClientID and ClientSecret are OAuth2 client credentials.
	ClientID, ClientSecret string
	// RootCAs replaces the system's authorities. May be nil.
	RootCAs *x509.CertPool
	// IdleTimeout is how long the stream may be silent; 0 is 30 s. Only the context limits the whole stream.
	IdleTimeout time.Duration
}

// Client is safe for concurrent use. Close closes its idle connections.
type Client struct {
	base  *url.URL // ends in /api
	token string
	oauth *tokens // nil with a token
	http  *http.Client
	idle  time.Duration
}

// New checks the configuration; it does not connect.
func New(c Config) (*Client, error) {
	base, err := ParseURL(c.URL)
	if err != nil {
		return nil, err
	}
	if (c.Token != "") == (c.ClientID != "" || c.ClientSecret != "") || (c.ClientID == "") != (c.ClientSecret == "") {
		return nil, errors.New("set either token, or client_id and client_secret")
	}
	cl := &Client{base: base, token: c.Token, idle: c.IdleTimeout}
	if cl.idle == 0 {
		cl.idle = idleTimeout
	}
	cl.http = &http.Client{
		Transport: transport(c.RootCAs),
		// A redirect would send X-Intdash-Token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if c.Token == "" {
		cl.oauth = newTokens(clientcredentials.Config{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, TokenURL: base.JoinPath("auth/oauth2/token").String(),
		}, cl.http)
	}
	return cl, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
}

// ParseURL reads the server's URL and returns the root of its API, which ends in "/api".
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("url is not a URL") // the parser's error would repeat the URL, which may contain a password
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, errors.New(`url must look like "https://intdash.example.com"`)
	case u.User != nil:
		return nil, errors.New("url must not hold a user or password")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("url must not have a query or a fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.Path = strings.TrimSuffix(u.Path, "/v1")
	u.Path = strings.TrimSuffix(u.Path, "/api") + "/api"
	u.RawPath = ""
	return u, nil
}

// Query selects the points to fetch.
type Query struct {
	// Project is a project's UUID. Empty: the API without projects.
	Project string
	// Measurement is a measurement's UUID.
	Measurement string
	// Filters select points that match any of them; none selects every number.
	Filters []Filter
}

// projectName is the form of a project, a UUID in practice. It cannot change the path of a URL.
var projectName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (c *Client) url(q Query) (string, error) {
	if q.Measurement == "" {
		return "", permanent("intdash: no measurement to fetch")
	}
	u := c.base.JoinPath("v1/data")
	if q.Project != "" {
		if !projectName.MatchString(q.Project) {
			return "", permanent("intdash: %.80q is not a project's UUID", q.Project)
		}
		u = c.base.JoinPath("v1/projects", q.Project, "data")
	}
	v := url.Values{"name": {q.Measurement}, "time_format": {"ns"}, "order": {"asc"}, "exit_on_error": {"false"}}
	for _, f := range q.Filters {
		v.Add("data_id_filter", f.String())
	}
	u.RawQuery = v.Encode()
	return u.String(), nil
}

// Points streams the points of a measurement to each, in order of time. After an error the series was incomplete, and the caller
// must discard the points. An Error says whether it is permanent; all others (connection, truncation, timeout) are not.
func (c *Client) Points(ctx context.Context, q Query, each func(Point)) (Summary, error) {
	target, err := c.url(q)
	if err != nil {
		return Summary{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	res, err := c.get(ctx, target, q)
	if err != nil {
		return Summary{}, err
	}
	defer func() { _ = res.Body.Close() }() // only read from
	if res.StatusCode == http.StatusNoContent {
		return Summary{}, nil
	}
	if err := checkAnswer(res); err != nil {
		return Summary{}, err
	}
	silent := fmt.Errorf("no data for %v", c.idle)
	body := newIdleReader(res.Body, c.idle, func() { cancel(silent) })
	defer body.stop()
	sum, err := readStream(body, q.Filters, each)
	return sum, streamError(ctx, err)
}

// get returns a response with status 200 or 204, or an error.
func (c *Client) get(ctx context.Context, target string, q Query) (*http.Response, error) {
	what := "the request for the data of measurement " + clean(q.Measurement)
	refused := ""
	for {
		res, used, err := c.try(ctx, target, refused)
		if err != nil {
			return nil, err
		}
		if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNoContent {
			return res, nil
		}
		problem := statusError(res, what)
		if used != "" { // some servers repeat the request in their errors, and the SDK only removes secrets of the settings
			problem.Message = strings.ReplaceAll(problem.Message, used, "(sensitive)")
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized || c.oauth == nil || refused != "" {
			return nil, problem
		}
		refused = used // revoked or expired early: try once more with a new token
	}
}

func (c *Client) try(ctx context.Context, target, refused string) (res *http.Response, used string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "pointsman-plugin-stats-email")
	if c.oauth == nil {
		req.Header.Set("X-Intdash-Token", c.token)
	} else {
		if used, err = c.oauth.get(ctx, refused); err != nil {
			return nil, "", err
		}
		req.Header.Set("Authorization", "Bearer "+used)
	}
	res, err = c.http.Do(req)
	if err != nil {
		return nil, used, fmt.Errorf("ask intdash: %w", err)
	}
	return res, used, nil
}

// checkAnswer refuses bodies that are not the data, or whose end cannot be distinguished from a lost connection.
func checkAnswer(res *http.Response) error {
	if ct := res.Header.Get("Content-Type"); ct != "" {
		media, _, err := mime.ParseMediaType(ct)
		if err != nil || !strings.Contains(media, "json") {
			return &Error{Status: res.StatusCode, Message: fmt.Sprintf(
				"intdash answered with %.60q and not with JSON; is the url that of an intdash server?", ct)}
		}
	}
	if res.ProtoMajor == 1 && res.ContentLength < 0 && len(res.TransferEncoding) == 0 && !res.Uncompressed {
		return permanent("intdash (or a proxy before it) answered without chunks or length: a cut-off answer could not be told from a whole one")
	}
	return nil
}

// streamError explains what ended the stream too early.
func streamError(ctx context.Context, err error) error {
	var e *Error
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("read data of intdash: %w", context.Cause(ctx))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("read data of intdash: the connection was cut before the end of the data: %w", err)
	}
	return fmt.Errorf("read data of intdash: %w", err)
}
