package mirror

import (
	"crypto/x509"
	"net"
	"net/url"
	"strings"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/partition"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Side is one of the two buckets. It is also a block of settings.
type Side struct {
	Endpoint string `pointsman:"endpoint" doc:"URL of the server, \"https://s3.example.com\". Default: AWS. With an endpoint, the default region is us-east-1."`
	amazon.Account
	Bucket    string `pointsman:"bucket,required" doc:"Name of the bucket."`
	Prefix    string `pointsman:"prefix" doc:"Only keys that begin with this. The source's prefix is replaced by the destination's."`
	PathStyle *bool  `pointsman:"path_style" doc:"Put the bucket into the path of URLs, not into the host name. Default: true with an endpoint."`
	CA        string `pointsman:"ca" doc:"Certificates (PEM) of the authorities to trust in place of the system's: file(\"ca.pem\")."`
}

// Destination is the bucket that is written.
type Destination struct {
	Side
	StorageClass string `pointsman:"storage_class" doc:"Store as this class, such as STANDARD_IA. Default: the bucket's."`
	SSE          string `pointsman:"sse,one_of=|AES256|aws:kms" doc:"Encryption by the server. Default: the bucket's."`
	KMSKeyID     string `pointsman:"kms_key_id" doc:"Key for sse = \"aws:kms\". Default: the bucket's."`
}

// Check reports what the schema cannot. block is the path of the block with a dot at its end.
func (s Side) Check(ds *schema.Diagnostics, block string) {
	if s.Bucket == "" || strings.ContainsAny(s.Bucket, "/ ") {
		ds.Add(block+"bucket", "want the name of a bucket", "The beginning of the keys goes into prefix.")
	}
	amazon.CheckEndpoint(ds, block+"endpoint", s.Endpoint, "https://s3.example.com")
	s.Account.Check(ds, block, s.Endpoint != "")
	if s.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(s.CA)) {
		ds.Add(block+"ca", "there is no certificate in it", `Want the text of a PEM file: ca = file("ca.pem").`)
	}
}

// Check reports what the schema cannot.
func (d Destination) Check(ds *schema.Diagnostics, block string) {
	d.Side.Check(ds, block)
	if d.KMSKeyID != "" && d.SSE != "aws:kms" {
		ds.Add(block+"kms_key_id", "a key is used with sse = \"aws:kms\" only", "")
	}
}

func (s Side) pathStyle() bool {
	if s.PathStyle != nil {
		return *s.PathStyle
	}
	return s.Endpoint != ""
}

// Overlap reports whether objects that are written to the destination appear at the source: the same bucket, and keys that can
// be below both prefixes.
func Overlap(source, destination Side) bool {
	return sameStore(source, destination) && source.Bucket == destination.Bucket &&
		(strings.HasPrefix(source.Prefix, destination.Prefix) || strings.HasPrefix(destination.Prefix, source.Prefix))
}

// canCopy reports whether the destination's credentials can read the source in the same store, so that the server can copy by
// itself.
func canCopy(source, destination Side) bool {
	a, b := source, destination
	return sameStore(a, b) && a.AccessKey == b.AccessKey && a.SecretKey.Equal(b.SecretKey) && a.SessionToken.Equal(b.SessionToken) &&
		a.Profile == b.Profile && a.RoleARN == b.RoleARN
}

// sameStore reports whether both sides name buckets in one namespace. A side of AWS whose partition only the environment knows
// may be in the same as any other one.
func sameStore(a, b Side) bool {
	storeA, awsA := a.store()
	storeB, awsB := b.store()
	return awsA == awsB && (storeA == storeB || storeA == "" || storeB == "")
}

// store returns the server in a form that can be compared. In AWS that is the partition: a bucket's name is unique over its
// regions.
func (s Side) store() (name string, aws bool) {
	if s.Endpoint == "" {
		return partition.OfRegion(s.Region), true
	}
	u, err := url.Parse(strings.ToLower(s.Endpoint))
	if err != nil {
		return s.Endpoint, false
	}
	host, port := u.Hostname(), u.Port()
	if name := partition.OfHost(host); name != "" {
		return name, true
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		host = "localhost"
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(host, port), false
}
