package snsmessage

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"time"
)

// Policy says which messages are taken.
type Policy struct {
	// Topics are the ARNs of the topics that may send. In each of their six parts, * stands for any characters. None: no
	// message is taken.
	Topics []string
	// RequireVersion is the lowest SignatureVersion taken: 0 and 1 take both, 2 takes only SHA-256.
	RequireVersion int
	// InsecureCertHosts are hosts, with or without a port, whose word is taken for certificates and subscriptions although
	// they are not Amazon's: emulators. Plain HTTP is enough, and the certificate may be signed by anybody.
	InsecureCertHosts []string
	// MaxAge refuses messages older than that, and those from more than 5 minutes ahead; 0: any age. SNS repeats a message
	// with its first timestamp, for an hour as a rule and for weeks from a dead-letter queue.
	MaxAge time.Duration
}

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

// Verifier says whether messages are authentic.
type Verifier struct{ policy Policy }

// NewVerifier returns a Verifier, or what is wrong with the policy.
func NewVerifier(p Policy, _ Options) (*Verifier, error) { return &Verifier{policy: p}, nil }

// Verify returns nil for an authentic message of one of the policy's topics. The error is *source.Refused with status 403;
// any other means that this could not be found out, and that SNS must be asked to send again (5xx: it takes a 4xx as final).
func (v *Verifier) Verify(context.Context, *Message) error { panic("not built yet") }

// Confirm confirms the subscription that m, a verified SubscriptionConfirmation, asks about.
func (v *Verifier) Confirm(context.Context, *Message) error { panic("not built yet") }

// RefusalReasons are the reasons that Verify and Confirm refuse with.
func RefusalReasons() []string { return nil }
