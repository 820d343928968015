package snssend

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

	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// Signer signs messages as SNS does, with its own key.
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
func (s *Signer) Sign(m *snsmessage.Message, version string) error {
	if version != "1" && version != "2" {
		return fmt.Errorf("signature version %q does not exist: use 1 or 2", version)
	}
	m.SignatureVersion, m.SigningCertURL = version, s.certURL
	hash, digest := m.Digest()
	signature, err := s.key.Sign(rand.Reader, digest, crypto.SignerOpts(hash))
	if err != nil {
		return fmt.Errorf("sign message: %w", err)
	}
	m.Signature = base64.StdEncoding.EncodeToString(signature)
	return nil
}

// body has the members of a message in the order in which SNS sends them.
type body struct {
	Type              string
	MessageID         string  `json:"MessageId"`
	Token             string  `json:",omitempty"`
	TopicARN          string  `json:"TopicArn"`
	Subject           *string `json:",omitempty"`
	Message           string
	SubscribeURL      string `json:",omitempty"`
	Timestamp         string
	SignatureVersion  string
	Signature         string
	SigningCertURL    string
	UnsubscribeURL    string               `json:",omitempty"`
	MessageAttributes map[string]attribute `json:",omitempty"`
}

type attribute struct{ Type, Value string }

// Body returns the message as JSON, as SNS posts it.
func Body(m *snsmessage.Message) []byte {
	b := body{
		Type: m.Type, MessageID: m.MessageID, TopicARN: m.TopicARN, Message: m.Message, Timestamp: m.Timestamp,
		SignatureVersion: m.SignatureVersion, Signature: m.Signature, SigningCertURL: m.SigningCertURL, UnsubscribeURL: m.UnsubscribeURL,
		MessageAttributes: map[string]attribute{},
	}
	if m.Type != snsmessage.Notification {
		b.Token, b.SubscribeURL = m.Token, m.SubscribeURL
	}
	if m.HasSubject || m.Subject != "" {
		b.Subject = &m.Subject
	}
	for _, a := range m.Attributes {
		b.MessageAttributes[a.Name] = attribute{a.Type, a.Value}
	}
	text, err := json.Marshal(b)
	if err != nil {
		panic("snssend: marshal message: " + err.Error()) // cannot happen: it consists of strings
	}
	return text
}
