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
		check:  checkEmail,
		refuse: refuseJSON,
		accept: func(w http.ResponseWriter, id string) {
			writeJSON(w, http.StatusOK, map[string]string{"MessageId": id})
		},
	})
}

// email is the part of a SendEmail request that is checked.
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
