package snsmessage

import (
	"context"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1" // signature version 1
	_ "crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source"
)

// Reasons for which a message is refused.
const (
	topicNotAllowed = "topic_not_allowed"
	badVersion      = "version"
	stale           = "stale"
	certURL         = "cert_url"
	certInvalid     = "cert_invalid"
	sigMalformed    = "sig_malformed"
	sigMismatch     = "sig_mismatch"
	subscribeURL    = "subscribe_url"
)

// RefusalReasons are the reasons that Verify and Confirm refuse with.
func RefusalReasons() []string {
	return []string{topicNotAllowed, badVersion, stale, certURL, certInvalid, sigMalformed, sigMismatch, subscribeURL}
}

// maxAhead is how far a clock of SNS may be ahead of ours.
const maxAhead = 5 * time.Minute

// Options are what a Verifier works with. The zero value is right outside of tests.
type Options struct {
	// Transport replaces the guarded one.
	Transport http.RoundTripper
	// Roots replace those of the system, for the signing certificate and for TLS.
	Roots *x509.CertPool
	// Now replaces time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Verifier says whether messages are authentic, and remembers the certificates that it needs for that.
type Verifier struct {
	rules        *rules
	client       *client
	certificates *certificates
	now          func() time.Time
	log          *slog.Logger
}

// NewVerifier returns a Verifier, or what is wrong with the policy.
func NewVerifier(p Policy, o Options) (*Verifier, error) {
	r, err := newRules(p)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := newClient(o)
	return &Verifier{rules: r, client: c, certificates: newCertificates(c, o), now: o.Now, log: o.Log}, nil
}

// Verify returns nil for an authentic message of one of the policy's topics. The error is *source.Refused with status 403;
// any other means that this could not be found out, and that SNS must be asked to send again (5xx: it takes a 4xx as final).
// What costs nothing is checked first, so that only a message that could be authentic makes us visit anything.
func (v *Verifier) Verify(ctx context.Context, m *Message) error {
	t, ok := v.rules.topic(m.TopicARN)
	if !ok {
		return refuse(topicNotAllowed)
	}
	if !slices.Contains(v.rules.versions, m.SignatureVersion) {
		return refuse(badVersion)
	}
	if !v.fresh(m.Timestamp) {
		return refuse(stale)
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(m.Signature)
	if err != nil || len(signature) == 0 || !m.unambiguous() {
		return refuse(sigMalformed)
	}
	l, ok := v.rules.certificate(m.SigningCertURL, t)
	if !ok {
		return refuse(certURL)
	}
	key, err := v.certificates.key(ctx, l)
	if err != nil {
		return err
	}
	if !signed(key, m, signature) {
		return refuse(sigMismatch)
	}
	return nil
}

func refuse(reason string) error {
	return &source.Refused{Reason: reason, Status: http.StatusForbidden}
}

func (v *Verifier) fresh(timestamp string) bool {
	if v.rules.maxAge == 0 {
		return true
	}
	sent, err := time.Parse(time.RFC3339, timestamp)
	if err != nil {
		return false
	}
	age := v.now().Sub(sent)
	return age <= v.rules.maxAge && age >= -maxAhead
}

// unambiguous reports whether only this message has this canonical text. It joins the fields with line breaks: with a line
// break in one of them, a message that anybody published to a topic of his own could be read as one of ours, under the same
// good signature. Message comes first, so there it does no harm; the pattern of a TopicArn allows none.
func (m *Message) unambiguous() bool {
	for _, field := range []string{m.MessageID, m.Subject, m.Timestamp, m.SubscribeURL, m.Token} {
		if strings.Contains(field, "\n") {
			return false
		}
	}
	return isType(m.Type)
}

func signed(key *rsa.PublicKey, m *Message, signature []byte) bool {
	hash := hashOf(m.SignatureVersion)
	return rsa.VerifyPKCS1v15(key, hash, digest(hash, m.Canonical()), signature) == nil
}

func hashOf(version string) crypto.Hash {
	if version == "1" {
		return crypto.SHA1
	}
	return crypto.SHA256
}

func digest(hash crypto.Hash, text []byte) []byte {
	h := hash.New()
	h.Write(text)
	return h.Sum(nil)
}
