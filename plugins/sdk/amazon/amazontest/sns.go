package amazontest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// NewSNS starts a server that knows Topic and FIFOTopic. With ascii it has the older rule for subjects.
func NewSNS(t testing.TB, ascii bool) *Server {
	return start(t, service{
		name: "sns", badKey: "InvalidClientTokenId", badSecret: "SignatureDoesNotMatch",
		method: http.MethodPost, path: "/", types: "application/x-www-form-urlencoded",
		check:  func(body []byte) *Fault { return checkPublish(body, ascii) },
		refuse: refuseXML,
		accept: func(w http.ResponseWriter, id string) {
			w.Header().Set(contentType, "text/xml")
			fmt.Fprintf(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>%s</MessageId>`+
				`</PublishResult><ResponseMetadata><RequestId>f187a3c1-376f-11df-8963-01868b7c937a</RequestId></ResponseMetadata></PublishResponse>`, id)
		},
	})
}

// Form decodes the body of a request to SNS.
func (r Request) Form(t testing.TB) url.Values {
	t.Helper()
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	return form
}

var (
	control      = regexp.MustCompile(`[\x00-\x1f\x7f-\x{9f}\x{2028}\x{2029}]`)
	asciiSubject = regexp.MustCompile(`^[!-~][ -~]*$`)
	fifoID       = regexp.MustCompile(`^[!-~]{1,128}$`)
)

func checkPublish(body []byte, ascii bool) *Fault {
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") != "Publish" || form.Get("Version") != "2010-03-31" {
		return &Fault{Status: http.StatusBadRequest, Code: "InvalidAction", Message: "no such action or version"}
	}
	topic, message, subject := form.Get("TopicArn"), form.Get("Message"), form.Get("Subject")
	fifo := topic == FIFOTopic
	bad := func(what string) *Fault {
		return &Fault{Status: http.StatusBadRequest, Code: "InvalidParameter", Message: "Invalid parameter: " + what}
	}
	switch {
	case topic != Topic && !fifo:
		return &Fault{Status: http.StatusNotFound, Code: "NotFound", Message: "Topic does not exist"}
	case message == "":
		return bad("Empty message")
	case len(message) > 256<<10:
		return bad("Message too long")
	case utf8.RuneCountInString(subject) >= 100 || control.MatchString(subject) || form.Has("Subject") && subject == "",
		ascii && subject != "" && !asciiSubject.MatchString(subject):
		return bad("Subject")
	case fifo && !fifoID.MatchString(form.Get("MessageGroupId")):
		return bad("The MessageGroupId parameter is required for FIFO topics")
	case fifo && !fifoID.MatchString(form.Get("MessageDeduplicationId")):
		return bad("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	case !fifo && form.Has("MessageDeduplicationId"):
		return bad("MessageDeduplicationId Reason: The request includes a parameter that is not valid for this topic type")
	}
	return nil
}

func refuseXML(w http.ResponseWriter, f Fault) {
	side := "Sender"
	if f.Status >= 500 {
		side = "Receiver"
	}
	var message strings.Builder
	_ = xml.EscapeText(&message, []byte(f.Message)) // a Builder does not fail
	w.Header().Set(contentType, "text/xml")
	w.WriteHeader(f.Status)
	fmt.Fprintf(w, `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message>`+
		`</Error><RequestId>9dd01905-5012-5f99-8663-4b3ecd0dfaef</RequestId></ErrorResponse>`, side, f.Code, message.String())
}
