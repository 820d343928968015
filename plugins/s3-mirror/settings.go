package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// settings is the block `settings`.
type settings struct {
	Source         sourceSettings      `pointsman:"source" doc:"Where objects come from."`
	Destination    destinationSettings `pointsman:"destination" doc:"Where they go."`
	Deletes        bool                `pointsman:"deletes,default=false" doc:"What goes at the source goes at the destination."`
	Include        []string            `pointsman:"include" doc:"Only keys that one of these globs describes; * is any characters, / too, ? is any one. Default: all."`
	Exclude        []string            `pointsman:"exclude" doc:"No keys that one of these globs describes."`
	SkipPrincipals []string            `pointsman:"skip_principals" doc:"Drop events that these principals caused: the user of the mirror that goes the other way."`
	Concurrency    int                 `pointsman:"concurrency,default=8" doc:"Small objects and parts of big ones in memory and on their way at a time."`
	PartSize       string              `pointsman:"part_size,default=8MiB" doc:"Bigger objects are sent in parts of this size, 5MiB to 5GiB. Memory needed is about concurrency times this."`
	Bandwidth      string              `pointsman:"bandwidth,default=0" doc:"Bytes per second to read at most, such as \"50MiB\". 0: no limit."`
}

// sideSettings are what both blocks have.
type sideSettings struct {
	Endpoint     string        `pointsman:"endpoint" doc:"URL of the server, \"https://s3.example.com\". Default: AWS."`
	Region       string        `pointsman:"region" doc:"Default: us-east-1 with an endpoint; without, what AWS_REGION or ~/.aws/config say."`
	Bucket       string        `pointsman:"bucket,required" doc:"Name of the bucket."`
	Prefix       string        `pointsman:"prefix" doc:"Only keys that begin with this. The source's prefix is replaced by the destination's."`
	AccessKey    string        `pointsman:"access_key" doc:"Key id. Without it, credentials are looked for where all AWS programs do."`
	SecretKey    schema.Secret `pointsman:"secret_key" doc:"The key's secret."`
	SessionToken schema.Secret `pointsman:"session_token" doc:"For temporary keys."`
	PathStyle    *bool         `pointsman:"path_style" doc:"Put the bucket into the path of URLs, not into the host name. Default: true with an endpoint."`
	CA           string        `pointsman:"ca" doc:"Certificates (PEM) of the authorities to trust in place of the system's: file(\"ca.pem\")."`
}

// sourceSettings is the block `source`.
type sourceSettings struct{ sideSettings }

// destinationSettings is the block `destination`.
type destinationSettings struct {
	sideSettings
	StorageClass string `pointsman:"storage_class" doc:"Store as this class, such as STANDARD_IA. Default: the bucket's."`
	SSE          string `pointsman:"sse,one_of=|AES256|aws:kms" doc:"Encryption by the server. Default: the bucket's."`
	KMSKeyID     string `pointsman:"kms_key_id" doc:"Key for sse = \"aws:kms\". Default: the bucket's."`
}

func (s sideSettings) side() mirror.Side {
	pathStyle := s.Endpoint != ""
	if s.PathStyle != nil {
		pathStyle = *s.PathStyle
	}
	return mirror.Side{
		Endpoint: s.Endpoint, Region: s.Region, Bucket: s.Bucket, Prefix: s.Prefix, AccessKey: s.AccessKey, SecretKey: s.SecretKey,
		SessionToken: s.SessionToken, PathStyle: pathStyle, CA: s.CA,
	}
}

func (d destinationSettings) side() mirror.Side {
	s := d.sideSettings.side()
	s.StorageClass, s.SSE, s.KMSKeyID = d.StorageClass, d.SSE, d.KMSKeyID
	return s
}

// reserve is the memory, beside the buffers, up to which the runtime need not collect garbage eagerly.
const reserve = 32 << 20

// newMirror is the engine for settings that check has nothing against.
func (s settings) newMirror(log *slog.Logger) (*mirror.Mirror, error) {
	partSize, err := parseSize(s.PartSize)
	if err != nil {
		return nil, sdk.Diagnostic{Path: "part_size", Summary: err.Error()}
	}
	bandwidth, err := parseSize(s.Bandwidth)
	if err != nil {
		return nil, sdk.Diagnostic{Path: "bandwidth", Summary: err.Error()}
	}
	// Buffers live as long as the process: without a limit the runtime would let as much garbage pile up beside them.
	debug.SetMemoryLimit(int64(s.Concurrency)*partSize + reserve)
	m, err := mirror.New(mirror.Config{
		Source: s.Source.side(), Destination: s.Destination.side(), Deletes: s.Deletes, Include: s.Include, Exclude: s.Exclude,
		Concurrency: s.Concurrency, PartSize: partSize, Bandwidth: bandwidth, Log: log,
	})
	if e, ok := errors.AsType[*mirror.Error](err); ok {
		return nil, sdk.Diagnostic{Path: e.Side, Summary: e.Error()}
	}
	return m, err
}

// Limits of settings beyond those of S3.
const (
	maxConcurrency = 256
	muchMemory     = 1 << 30
)

// check looks at what the schema cannot say.
func check(s settings) []sdk.Diagnostic {
	var ds sdk.Diagnostics
	s.Source.check(&ds, "source")
	s.Destination.check(&ds, "destination")
	if s.Destination.KMSKeyID != "" && s.Destination.SSE != "aws:kms" {
		ds.Add("destination.kms_key_id", "a key is used with sse = \"aws:kms\" only", "")
	}
	if s.Source.Bucket != "" && mirror.Overlap(s.Source.side(), s.Destination.side()) {
		ds.Add("destination.bucket", "source and destination are the same place: the mirror would copy its own copies",
			"Mirror into another bucket, or give both sides prefixes of which neither begins with the other.")
	}
	s.checkLimits(&ds)
	return ds
}

func (s settings) checkLimits(ds *sdk.Diagnostics) {
	if s.Concurrency < 1 || s.Concurrency > maxConcurrency {
		ds.Add("concurrency", fmt.Sprintf("want 1 to %d", maxConcurrency), "")
	}
	size, err := parseSize(s.PartSize)
	switch {
	case err != nil:
		ds.Add("part_size", err.Error(), "")
	case size < mirror.MinPartSize || size > mirror.MaxPartSize:
		ds.Add("part_size", "S3 has parts of 5MiB to 5GiB", "")
	case size*int64(max(s.Concurrency, 1)) > muchMemory:
		ds.Warn("part_size", fmt.Sprintf("with concurrency = %d, this can need %d MiB of memory", s.Concurrency, size*int64(s.Concurrency)>>20),
			"Objects of up to 10,000 parts have parts of this size; bigger ones get bigger parts by themselves.")
	}
	if _, err := parseSize(s.Bandwidth); err != nil {
		ds.Add("bandwidth", err.Error(), "")
	}
}

func (s sideSettings) check(ds *sdk.Diagnostics, block string) {
	if s.Bucket == "" || strings.ContainsAny(s.Bucket, "/ ") {
		ds.Add(block+".bucket", "want the name of a bucket", "What keys begin with goes into prefix.")
	}
	key, secret := s.AccessKey != "", !s.SecretKey.IsZero()
	switch {
	case key && !secret:
		ds.Add(block+".secret_key", "access_key needs secret_key", "")
	case secret && !key:
		ds.Add(block+".access_key", "secret_key needs access_key", "")
	case !key && !s.SessionToken.IsZero():
		ds.Add(block+".session_token", "a session token belongs to access_key and secret_key", "")
	}
	if s.Endpoint != "" {
		checkEndpoint(ds, block+".endpoint", s.Endpoint)
	}
	if s.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(s.CA)) {
		ds.Add(block+".ca", "there is no certificate in it", `Want the text of a PEM file: ca = file("ca.pem").`)
	}
}

func checkEndpoint(ds *sdk.Diagnostics, path, endpoint string) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		ds.Add(path, `endpoint must look like "https://s3.example.com"`, "")
	case u.Scheme == "http" && !mirror.IsLoopback(u.Hostname()):
		ds.Warn(path, "objects and signed requests will cross the network in clear text", "Use https.")
	}
}
