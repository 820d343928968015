package snsmessage

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source"
)

// Reasons why a message is refused.
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

// RefusalReasons returns the reasons of the refusals of Verify and Confirm.
func RefusalReasons() []string {
	return []string{topicNotAllowed, badVersion, stale, certURL, certInvalid, sigMalformed, sigMismatch, subscribeURL}
}

// maxSkew is how far the clock of SNS may be ahead of ours.
const maxSkew = 5 * time.Minute

// Options configure a Verifier. Only tests need to set more than Now and Log.
type Options struct {
	// Transport replaces the guarded one.
	Transport http.RoundTripper
	// Roots replace the system's root certificates, for the signing certificate and for TLS.
	Roots *x509.CertPool
	// Now replaces time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Verifier verifies messages and caches the signing certificates.
type Verifier struct {
	rules        *ruleset
	client       *client
	certificates *certificates
	autoConfirm  bool
	now          func() time.Time
	log          *slog.Logger
}

// NewVerifier returns an error if the policy is invalid.
func NewVerifier(p Policy, o Options) (*Verifier, error) {
	r, err := newRuleset(p)
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
	return &Verifier{
		rules: r, client: c, certificates: newCertificates(c, o), autoConfirm: p.AutoConfirm, now: o.Now, log: o.Log,
	}, nil
}

// Verify returns nil for an authentic message of an allowed topic, and *source.Refused with status 403 for any other. After
// any other error the message could not be verified and SNS must send again; the response must be a 5xx, because SNS treats
// a 4xx as final. Cheap checks run first, so only a plausible message can trigger a network request.
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

// fresh reports whether a message is not older than the policy allows, and not from the future beyond maxSkew.
func (v *Verifier) fresh(timestamp string) bool {
	if v.rules.maxAge == 0 {
		return true
	}
	sent, err := time.Parse(time.RFC3339, timestamp)
	if err != nil {
		return false
	}
	age := v.now().Sub(sent)
	return age <= v.rules.maxAge && age >= -maxSkew
}

// unambiguous reports whether no other message has the same canonical text. That text joins the fields with line breaks, and
// SNS signs all topics with the same keys: with a line break inside a field, a message published to an attacker's own topic
// could have the text of a message of an allowed topic, and so its valid signature. Message comes first in the text, so line
// breaks in it are harmless; a TopicArn cannot contain any.
func (m *Message) unambiguous() bool {
	for _, field := range []string{m.MessageID, m.Subject, m.Timestamp, m.SubscribeURL, m.Token} {
		if strings.Contains(field, "\n") {
			return false
		}
	}
	return isType(m.Type)
}

func signed(key *rsa.PublicKey, m *Message, signature []byte) bool {
	hash, digest := m.Digest()
	return rsa.VerifyPKCS1v15(key, hash, digest, signature) == nil
}

// Digest returns the hash function of the message's SignatureVersion and the hash of the text that SNS signs.
func (m *Message) Digest() (crypto.Hash, []byte) {
	text := m.canonical()
	if m.SignatureVersion == "1" {
		sum := sha1.Sum(text)
		return crypto.SHA1, sum[:]
	}
	sum := sha256.Sum256(text)
	return crypto.SHA256, sum[:]
}
