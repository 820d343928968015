// Package amazontest is Amazon SES, SNS, API Gateway and DynamoDB for tests: servers in the process that check requests and their
// signatures as Amazon documents it, and fail on demand.
package amazontest

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Credentials that the servers know.
const (
	Region       = "ap-northeast-1"
	AccessKey    = "AKIACANARYCANARY0001"
	SecretKey    = "canary-amazon-secret-key"
	SessionToken = "canary-amazon-session-token" // accepted, not required
)

// Fault is a response in place of the right one.
type Fault struct {
	Status int
	// Code is the type of the error, and Message its text.
	Code, Message string
	// RetryAfter, unless empty, is the header of that name.
	RetryAfter string
	// Raw, unless empty, is the whole body.
	Raw string
	// Cut accepts the message and closes the connection without a response.
	Cut bool
}

// write sends the response of a fault; refuse writes it in the way of the service.
func (f Fault) write(w http.ResponseWriter, refuse func(http.ResponseWriter, Fault)) {
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Raw == "" {
		refuse(w, f)
		return
	}
	w.Header().Set(contentType, "text/html")
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Raw) // the client may have gone
}

const contentType = "Content-Type"

// refuseJSON writes a fault as a service of the protocol restJson1 does.
func refuseJSON(w http.ResponseWriter, f Fault) {
	w.Header().Set("X-Amzn-Errortype", f.Code+":http://internal.amazon.com/coral/")
	writeJSON(w, f.Status, map[string]string{"message": f.Message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set(contentType, "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

var authorization = regexp.MustCompile(
	`^AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]{8}/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$`)

// verify signs a request again, as Amazon does, and compares (Signature Version 4). It returns nil if the signature is right. The
// codes are those of the service for an unknown key and for a wrong secret.
func verify(r *http.Request, body []byte, service, badKey, badSecret string) *Fault {
	unsigned := &Fault{Status: http.StatusForbidden, Code: "IncompleteSignature", Message: "Credential should be scoped to a valid region and service."}
	parts := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if parts == nil || err != nil || parts[2] != Region || parts[3] != service {
		return unsigned
	}
	if parts[1] != AccessKey {
		return &Fault{Status: http.StatusForbidden, Code: badKey, Message: "The security token included in the request is invalid."}
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return unsigned
	}
	for name := range strings.SplitSeq(parts[4], ";") {
		if name != "host" && name != "content-length" {
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	hash := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	err = v4.NewSigner().SignHTTP(r.Context(), keys, again, hex.EncodeToString(hash[:]), service, Region, at)
	if err != nil || subtle.ConstantTimeCompare([]byte(again.Header.Get("Authorization")), []byte(r.Header.Get("Authorization"))) == 0 {
		return &Fault{Status: http.StatusForbidden, Code: badSecret, Message: "The request signature we calculated does not match the signature you provided."}
	}
	return nil
}
