package amazontest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"testing"
)

// NewSES starts a server. Every sender is verified.
func NewSES(t testing.TB) *Server {
	return start(t, service{
		name: "ses", badKey: "UnrecognizedClientException", badSecret: "InvalidSignatureException",
		method: http.MethodPost, path: "/v2/email/outbound-emails", types: "application/json",
		check:  func(_ *http.Request, body []byte) *Fault { return checkEmail(body) },
		refuse: refuseJSON,
		accept: func(w http.ResponseWriter, id string) {
			w.Header().Set(contentType, "application/json")
			_ = json.NewEncoder(w).Encode(map[string]string{"MessageId": id}) // the client may have gone
		},
	})
}

// email is the part of SendEmail's request that the plugin uses.
type email struct {
	FromEmailAddress     string
	Destination          struct{ ToAddresses []string }
	ConfigurationSetName string
	Content              struct {
		Simple struct {
			Subject content
			Body    struct{ Text content }
		}
	}
	EmailTags []struct{ Name, Value string }
}

type content struct{ Data, Charset string }

var (
	tag   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	plain = regexp.MustCompile(`^[ -~]{1,320}$`)
)

func checkEmail(body []byte) *Fault {
	bad := func(what string) *Fault {
		return &Fault{Status: http.StatusBadRequest, Code: "BadRequestException", Message: what}
	}
	var e email
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		return bad(err.Error())
	}
	if n := len(e.Destination.ToAddresses); n < 1 || n > 50 {
		return bad("Recipient count exceeds 50.")
	}
	for _, a := range append(e.Destination.ToAddresses, e.FromEmailAddress) {
		if !plain.MatchString(a) {
			return bad("Local address contains control or whitespace")
		}
	}
	for _, t := range e.EmailTags {
		if !tag.MatchString(t.Name) || !tag.MatchString(t.Value) {
			return bad("Invalid tag <" + t.Value + ">: only alphanumeric ASCII characters, '_', and '-' are allowed.")
		}
	}
	if control.MatchString(e.Content.Simple.Subject.Data) {
		return bad("Invalid character in the subject")
	}
	return nil
}

func refuseJSON(w http.ResponseWriter, f Fault) {
	w.Header().Set(contentType, "application/json")
	w.Header().Set("X-Amzn-Errortype", f.Code+":http://internal.amazon.com/coral/com.amazonaws.services.simpleemailv2/")
	w.WriteHeader(f.Status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": f.Message}) // the client may have gone
}
