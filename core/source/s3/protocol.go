package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// snsMalformed refuses what looks like an SNS message but cannot be read, so that nobody can have signed it.
const snsMalformed = "sns_malformed"

func refusalReasons() []string {
	return append(snsmessage.RefusalReasons(), snsMalformed,
		tokenMissing, tokenDoubled, tokenMismatch, pathMismatch, reasonBucket, handshakeNoURL, handshakeOtherURL)
}

// protocol is what S3 adds to source.Webhook.
type protocol struct {
	path, dialect string
	tokens        source.Tokens
	anonymous     bool
	// public is the URL registered with VK Cloud; publicText is it to the letter. nil: there is none.
	public     *url.URL
	publicText string
	// sns is nil without the block.
	sns         *snsmessage.Verifier
	autoConfirm bool
	options     DecodeOptions
	log         *slog.Logger
}

// newProtocol checks the settings.
func newProtocol(s *Settings, o snsmessage.Options) (*protocol, []string, error) {
	list, warnings, err := source.NewTokens("tokens", s.Tokens)
	if err != nil {
		return nil, nil, err
	}
	p := &protocol{
		path: s.Path, dialect: s.Dialect, tokens: list, anonymous: s.AllowAnonymous,
		options: DecodeOptions{Keys: s.DecodeKeys, Buckets: s.Buckets, SNS: s.SNS != nil, Window: s.DedupeWindow},
	}
	switch {
	case len(list) == 0 && s.SNS == nil && !s.AllowAnonymous:
		return nil, nil, errors.New("tokens: nothing tells a store from anybody else: set tokens, or allow_anonymous = true to take that")
	case len(list) > 0 && s.AllowAnonymous:
		return nil, nil, errors.New("allow_anonymous: there are tokens as well, which nobody would need then: remove one of the two")
	case s.AllowAnonymous:
		warnings = append(warnings, "allow_anonymous: whoever can reach "+s.Path+" can send events")
	}
	doubts, err := p.setSNS(s, o)
	return p, append(warnings, doubts...), errors.Join(checkBuckets(s.Buckets), p.setPublicURL(s.PublicURL.Reveal()), err)
}

// setPublicURL takes the URL registered with VK Cloud. Its requests show no header, so all that is needed must be in it.
// Errors do not repeat it: it holds a token.
func (p *protocol) setPublicURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("public_url: want the whole URL, as in https://router.example.com" + p.path)
	}
	rest, below := strings.CutPrefix(pathOf(u), p.path+"/")
	switch {
	case len(p.tokens) > 0 && (!below || p.tokens.Slot(rest) < 0):
		return errors.New("public_url: its path must be " + p.path + "/ and one of the tokens, or every request to it would be refused")
	case len(p.tokens) == 0 && pathOf(u) != p.path:
		return errors.New("public_url: its path must be " + p.path + ", where this source is")
	}
	p.public, p.publicText = u, text
	return nil
}

// pathOf returns the path that a request for u has.
func pathOf(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	return u.Path
}

// setSNS takes the block sns and returns what is doubtful about it.
func (p *protocol) setSNS(s *Settings, o snsmessage.Options) ([]string, error) {
	switch {
	case s.SNS == nil && s.Dialect == dialectSNS:
		return nil, errors.New(`dialect: "sns" needs a block sns that names the topics`)
	case s.SNS == nil:
		return nil, nil
	case !speaks(s.Dialect, dialectSNS):
		return nil, errors.New(`sns: has no use with dialect = "` + s.Dialect + `": write "sns" or "auto"`)
	case len(s.SNS.Topics) == 0:
		return nil, errors.New("sns.topics: name the topics to take messages of, or none would be taken")
	}
	policy := snsmessage.Policy{
		Topics: s.SNS.Topics, RequireVersion: s.SNS.RequireSignatureVersion, InsecureCertHosts: s.SNS.InsecureCertHosts,
	}
	v, err := snsmessage.NewVerifier(policy, o)
	if err != nil {
		return nil, fmt.Errorf("sns.%w", err)
	}
	var warnings []string
	for _, w := range policy.Warnings() {
		warnings = append(warnings, "sns."+w)
	}
	p.sns, p.autoConfirm = v, s.SNS.AutoConfirm
	return warnings, nil
}

// Verify implements source.Protocol. A path below the source's own must end in a token, whatever else is shown. A message of
// SNS must be signed where SNS is taken at all, and needs no token.
func (p *protocol) Verify(r *http.Request, body []byte) (slot int, err error) {
	slot = -1
	if r.URL.Path != p.path {
		if slot = p.tokens.Slot(strings.TrimPrefix(r.URL.Path, p.path+"/")); slot < 0 {
			return -1, &source.Refused{Reason: pathMismatch, Status: http.StatusNotFound}
		}
	}
	switch {
	case p.sns != nil && isSNS(body):
		return slot, p.verifySNS(r.Context(), body)
	case slot >= 0 || p.anonymous:
		return slot, nil
	}
	return inHeader(p.tokens, r)
}

// isSNS looks no further than it must: nothing is known of the body's sender.
func isSNS(body []byte) bool {
	members, err := source.ReadObject(string(body), nil)
	return err == nil && snsmessage.IsMessage(members)
}

func (p *protocol) verifySNS(ctx context.Context, body []byte) error {
	message, err := snsmessage.Parse(body)
	if err != nil {
		return &source.Refused{Reason: snsMalformed, Status: http.StatusForbidden}
	}
	return p.sns.Verify(ctx, message)
}

// Decode implements source.Protocol.
func (p *protocol) Decode(_ http.Header, body []byte, _ time.Time) ([]source.Event, error) {
	return Decode(p.dialect, body, p.options)
}
