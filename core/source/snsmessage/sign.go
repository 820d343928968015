package snsmessage

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"
)

// Signer signs messages as SNS does, with its own key. It is for tests and for trying a source without AWS.
type Signer struct {
	certURL     string
	key         *rsa.PrivateKey
	certificate []byte
}

// NewSigner creates an RSA key and a self-signed certificate for sns.amazonaws.com and the host of certURL. The caller must
// serve Certificate at certURL. The certificate is valid for the whole century because tests set their own clocks.
func NewSigner(certURL string) (*Signer, error) {
	u, err := url.Parse(certURL)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("certificate URL %q has no host", certURL)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "sns.amazonaws.com"},
		NotBefore:    time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		DNSNames:     []string{"sns.amazonaws.com"},
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = append(template.DNSNames, u.Hostname())
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("create certificate: %w", err)
	}
	return &Signer{certURL: certURL, key: key, certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

// Certificate returns the certificate in PEM.
func (s *Signer) Certificate() []byte { return s.certificate }

// Sign signs m with signature version "1" or "2" and sets SigningCertURL.
func (s *Signer) Sign(m *Message, version string) error {
	if version != "1" && version != "2" {
		return fmt.Errorf("signature version %q does not exist: use 1 or 2", version)
	}
	hash := hashOf(version)
	signature, err := s.key.Sign(rand.Reader, digest(hash, m.Canonical()), crypto.SignerOpts(hash))
	if err != nil {
		return fmt.Errorf("sign message: %w", err)
	}
	m.SignatureVersion, m.SigningCertURL = version, s.certURL
	m.Signature = base64.StdEncoding.EncodeToString(signature)
	return nil
}

// Body returns the message as JSON, as SNS posts it.
func (s *Signer) Body(m *Message) []byte {
	var b object
	b.add("Type", m.Type)
	b.add("MessageId", m.MessageID)
	if m.Type != Notification {
		b.add("Token", m.Token)
	}
	b.add("TopicArn", m.TopicARN)
	if m.HasSubject || m.Subject != "" {
		b.add("Subject", m.Subject)
	}
	b.add("Message", m.Message)
	if m.Type != Notification {
		b.add("SubscribeURL", m.SubscribeURL)
	}
	b.add("Timestamp", m.Timestamp)
	b.add("SignatureVersion", m.SignatureVersion)
	b.add("Signature", m.Signature)
	b.add("SigningCertURL", m.SigningCertURL)
	if m.UnsubscribeURL != "" {
		b.add("UnsubscribeURL", m.UnsubscribeURL)
	}
	if len(m.Attributes) > 0 {
		var attributes object
		for _, a := range m.Attributes {
			var parts object
			parts.add("Type", a.Type)
			parts.add("Value", a.Value)
			attributes.addRaw(a.Name, parts.close())
		}
		b.addRaw("MessageAttributes", attributes.close())
	}
	return b.close()
}

// object is a JSON object under construction. Its members keep their order.
type object []byte

func (o *object) add(name, value string) { o.addRaw(name, quote(value)) }

func (o *object) addRaw(name string, value []byte) {
	separator := byte(',')
	if len(*o) == 0 {
		separator = '{'
	}
	*o = append(append(*o, separator), quote(name)...)
	*o = append(append(*o, ':'), value...)
}

func (o *object) close() []byte { return append(*o, '}') }

func quote(s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic("snsmessage: marshal string: " + err.Error()) // cannot happen
	}
	return quoted
}
