package s3

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// snsMalformed is the reason for a body that looks like an SNS message but does not parse, so it cannot be authentic.
const snsMalformed = "sns_malformed"

func refusalReasons() []string {
	return append(snsmessage.RefusalReasons(), snsMalformed,
		tokenMissing, tokenDoubled, tokenMismatch, pathMismatch, reasonBucket, handshakeNoURL, handshakeOtherURL)
}

// protocol implements source.Protocol for S3.
type protocol struct {
	path, dialect string
	tokens        source.Tokens
	anonymous     bool
	// public is the URL registered with VK Cloud, nil if there is none; publicText is its exact spelling, which is signed.
	public     *url.URL
	publicText string
	// sns is nil without the block sns.
	sns     *snsmessage.Verifier
	options DecodeOptions
	log     *slog.Logger
}

// newProtocol validates the settings and returns warnings about them. o.Log is also the log of the protocol.
func newProtocol(s *Settings, o snsmessage.Options) (*protocol, []string, error) {
	list, warnings, err := source.NewTokens("tokens", s.Tokens)
	if err != nil {
		return nil, nil, err
	}
	p := &protocol{
		path: s.Path, dialect: s.Dialect, tokens: list, anonymous: s.AllowAnonymous, log: o.Log,
		options: s.decoding(),
	}
	switch {
	case len(list) == 0 && s.SNS == nil && !s.AllowAnonymous:
		return nil, nil, errors.New("tokens: senders cannot be authenticated: set tokens, or allow_anonymous = true to accept anybody")
	case len(list) > 0 && s.AllowAnonymous:
		return nil, nil, errors.New("allow_anonymous: conflicts with tokens, which would have no effect: remove one of the two")
	case s.AllowAnonymous:
		warnings = append(warnings, "allow_anonymous: anybody who can reach "+s.Path+" can send events")
	}
	snsWarnings, err := p.setSNS(s, o)
	return p, append(warnings, snsWarnings...), errors.Join(checkBuckets(s.Buckets), p.setPublicURL(s.PublicURL.Reveal()), err)
}

// setPublicURL checks the URL registered with VK Cloud. VK sends no token in a header, so the URL must contain it. Errors do
// not repeat the URL because it contains a token.
func (p *protocol) setPublicURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("public_url: not a complete URL: write it as https://router.example.com" + p.path)
	}
	rest, below := strings.CutPrefix(pathOf(u), p.path+"/")
	switch {
	case len(p.tokens) > 0 && (!below || p.tokens.Slot(rest) < 0):
		return errors.New("public_url: its path must be " + p.path + "/ followed by one of the tokens, or every request to it would be refused")
	case len(p.tokens) == 0 && pathOf(u) != p.path:
		return errors.New("public_url: its path must be " + p.path + ", where this source is mounted")
	}
	p.public, p.publicText = u, text
	return nil
}

// pathOf returns the path of a request for u.
func pathOf(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	return u.Path
}

// setSNS applies the block sns and returns warnings about it.
func (p *protocol) setSNS(s *Settings, o snsmessage.Options) ([]string, error) {
	switch {
	case s.SNS == nil && s.Dialect == dialectSNS:
		return nil, errors.New(`dialect: "sns" needs a block sns that names the topics`)
	case s.SNS == nil:
		return nil, nil
	case !accepts(s.Dialect, dialectSNS):
		return nil, errors.New(`sns: has no effect with dialect = "` + s.Dialect + `": use "sns" or "auto"`)
	case len(s.SNS.Topics) == 0:
		return nil, errors.New("sns.topics: is empty: list the topics to accept messages of")
	}
	policy := snsmessage.Policy{
		Topics: s.SNS.Topics, RequireVersion: s.SNS.RequireSignatureVersion, InsecureCertHosts: s.SNS.InsecureCertHosts,
		AutoConfirm: s.SNS.AutoConfirm,
	}
	v, err := snsmessage.NewVerifier(policy, o)
	if err != nil {
		return nil, fmt.Errorf("sns.%w", err)
	}
	var warnings []string
	for _, w := range policy.Warnings() {
		warnings = append(warnings, "sns."+w)
	}
	p.sns = v
	return warnings, nil
}

// Authenticate implements source.Protocol. A path below the source's own must end in a token, whatever the headers contain.
// With the block sns, an SNS message must have a valid signature and needs no token; only then is anything parsed before the
// sender is known.
func (p *protocol) Authenticate(r *http.Request, body []byte) (source.Request, error) {
	q := &request{protocol: p, url: r.URL, slot: -1}
	if r.URL.Path != p.path {
		if q.slot = p.tokens.Slot(strings.TrimPrefix(r.URL.Path, p.path+"/")); q.slot < 0 {
			return nil, &source.Refused{Reason: pathMismatch, Status: http.StatusNotFound}
		}
	}
	if p.sns != nil {
		q.read(body)
		if snsmessage.IsMessage(q.top) {
			return q, q.verify(r.Context())
		}
	}
	if q.slot < 0 && !p.anonymous {
		var err error
		if q.slot, err = tokenInHeader(p.tokens, r); err != nil {
			return nil, err
		}
	}
	if p.sns == nil {
		q.read(body)
	}
	return q, nil
}
