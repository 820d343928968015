package snsmessage

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// verifierOfVectors returns a verifier that finds the certificate of the vectors.
func verifierOfVectors(t testing.TB, p Policy) (*Verifier, *fakeTransport) {
	t.Helper()
	certificate := readTestdata(t, "sns_test_cert.pem")
	net := respondWith(200, certificate)
	return mustVerifier(t, p, Options{Transport: net, Roots: roots(t, certificate)}), net
}

func TestVerifyVectors(t *testing.T) {
	names, err := filepath.Glob("testdata/sns_*_v?.json")
	if err != nil || len(names) != 8 {
		t.Fatal(names, err)
	}
	v, net := verifierOfVectors(t, testPolicy)
	for _, name := range names {
		m := mustParse(t, readTestdata(t, filepath.Base(name)))
		if err := v.Verify(t.Context(), m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	net.want(t, 1)
}

func TestVerifyRefusesModifiedMessages(t *testing.T) {
	const a, b, c = "sns_A_notification_subject_v1.json", "sns_B_notification_no_subject_v1.json", "sns_C_subscription_confirmation_v2.json"
	cases := map[string]struct {
		file   string
		change func(m *Message)
		reason string
	}{
		"nothing":             {a, func(*Message) {}, ""},
		"one byte of Message": {a, func(m *Message) { m.Message = strings.Replace(m.Message, "99.5", "98.5", 1) }, sigMismatch},
		"Subject added":       {b, func(m *Message) { m.Subject, m.HasSubject = "x", true }, sigMismatch},
		"empty Subject added": {b, func(m *Message) { m.HasSubject = true }, ""},
		"Subject taken away":  {a, func(m *Message) { m.Subject = "" }, sigMismatch},
		"MessageId":           {a, func(m *Message) { m.MessageID += "0" }, sigMismatch},
		"Timestamp":           {a, func(m *Message) { m.Timestamp = "2024-05-01T12:34:56.788Z" }, sigMismatch},
		"Token":               {c, func(m *Message) { m.Token += "0" }, sigMismatch},
		"SubscribeURL":        {c, func(m *Message) { m.SubscribeURL += "&x=1" }, sigMismatch},
		"Type":                {c, func(m *Message) { m.Type = UnsubscribeConfirmation }, sigMismatch},
		"v1 declared as 2":    {a, func(m *Message) { m.SignatureVersion = "2" }, sigMismatch},
		"v2 declared as 1":    {c, func(m *Message) { m.SignatureVersion = "1" }, sigMismatch},
		"version 3":           {a, func(m *Message) { m.SignatureVersion = "3" }, badVersion},
		"version empty":       {a, func(m *Message) { m.SignatureVersion = "" }, badVersion},
		"version 01":          {a, func(m *Message) { m.SignatureVersion = "01" }, badVersion},
		"other topic":         {a, func(m *Message) { m.TopicARN += "2" }, topicNotAllowed},
		"signature empty":     {a, func(m *Message) { m.Signature = "" }, sigMalformed},
		"signature no base64": {a, func(m *Message) { m.Signature = "!" + m.Signature[1:] }, sigMalformed},
		"signature URL-safe":  {a, func(m *Message) { m.Signature = strings.ReplaceAll(m.Signature, "/", "_") }, sigMalformed},
		"signature cut":       {a, func(m *Message) { m.Signature = m.Signature[:len(m.Signature)-4] }, sigMismatch},
		"attributes, unsigned": {
			a, func(m *Message) { m.Attributes = []Attribute{{"k", "String", "v"}} }, "",
		},
		"unknown type": {a, func(m *Message) { m.Type = "Other" }, sigMalformed},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			v, _ := verifierOfVectors(t, testPolicy)
			m := mustParse(t, readTestdata(t, test.file))
			test.change(m)
			wantRefused(t, v.Verify(t.Context(), m), test.reason)
		})
	}
}

// SNS signs for everybody, so a message of one topic must not be readable as a message of another.
func TestVerifyRefusesAmbiguousMessages(t *testing.T) {
	evil := "arn:aws:sns:ap-northeast-1:666666666666:evil"
	attack := signedMessage(t, "2", func(m *Message) {
		m.TopicARN = evil
		m.Message = "pwned\nMessageId\n1\nTimestamp\n2024-05-01T12:59:59.000Z\nTopicArn\n" + testTopic
	})
	text := string(attack.canonical())
	cases := map[string]func(m *Message){
		"in the topic":     func(m *Message) { m.TopicARN = between(text, "TopicArn\n", "\nType\n") },
		"in the timestamp": func(m *Message) { m.Timestamp = between(text, "Timestamp\n", "\nTopicArn\n"+evil) },
		"in the id":        func(m *Message) { m.MessageID = between(text, "MessageId\n", "\nTimestamp\n") },
		"in the subject":   func(m *Message) { m.Subject = "a\nb" },
	}
	for name, change := range cases {
		m := *attack
		m.Message, m.MessageID, m.TopicARN, m.Timestamp = "pwned", "1", testTopic, "2024-05-01T12:59:59.000Z"
		change(&m)
		for _, topics := range [][]string{{testTopic}, {"arn:aws:sns:*:123456789012:*"}, {"arn:*:sns:*:*:*"}} {
			v, _ := verifierOf(t, Policy{Topics: topics})
			if v.Verify(t.Context(), &m) == nil {
				t.Errorf("%s, topics %v: taken", name, topics)
			}
		}
	}
}

// between returns the text between the first start and the last end.
func between(text, start, end string) string {
	_, text, _ = strings.Cut(text, start)
	return text[:strings.LastIndex(text, end)]
}

func TestVerifySendsNoRequestForForeignTopics(t *testing.T) {
	cases := map[string]struct {
		policy  Policy
		version string
		change  func(m *Message)
		reason  string
	}{
		"no topics":           {Policy{}, "1", nil, topicNotAllowed},
		"other topic":         {Policy{Topics: []string{testTopic + "-2"}}, "1", nil, topicNotAllowed},
		"other account":       {Policy{Topics: []string{"arn:aws:sns:*:999999999999:*"}}, "2", nil, topicNotAllowed},
		"no topic":            {Policy{Topics: []string{"arn:*:sns:*:*:*"}}, "1", func(m *Message) { m.TopicARN = "x" }, topicNotAllowed},
		"subscription":        {Policy{Topics: []string{"arn:*:sns:*:*:*"}}, "1", func(m *Message) { m.TopicARN += ":1111" }, topicNotAllowed},
		"SHA-1":               {Policy{Topics: testPolicy.Topics, RequireVersion: 2}, "1", nil, badVersion},
		"old":                 {Policy{Topics: testPolicy.Topics, MaxAge: 30 * time.Second}, "1", nil, stale},
		"from the future":     {Policy{Topics: testPolicy.Topics, MaxAge: time.Hour}, "1", func(m *Message) { m.Timestamp = "2024-05-01T13:05:31Z" }, stale},
		"timestamp no time":   {Policy{Topics: testPolicy.Topics, MaxAge: time.Hour}, "1", func(m *Message) { m.Timestamp = "now" }, stale},
		"not Amazon's region": {testPolicy, "1", func(m *Message) { m.TopicARN = "arn:aws:sns:us-east-1:123456789012:reporting-topic" }, topicNotAllowed},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			v, net := verifierOf(t, test.policy)
			wantRefused(t, v.Verify(t.Context(), signedMessage(t, test.version, test.change)), test.reason)
			net.want(t, 0)
		})
	}
}

func TestVerifyAccepts(t *testing.T) {
	cases := map[string]struct {
		policy  Policy
		version string
		change  func(m *Message)
	}{
		"any name":                {Policy{Topics: []string{"arn:aws:sns:ap-northeast-1:123456789012:*"}}, "1", nil},
		"a name that starts so":   {Policy{Topics: []string{"arn:aws-cn:sns:x:x:x", "arn:aws:sns:*:123456789012:rep*-topic"}}, "1", nil},
		"SHA-256 where it must":   {Policy{Topics: testPolicy.Topics, RequireVersion: 2}, "2", nil},
		"SHA-256 where it may":    {Policy{Topics: testPolicy.Topics, RequireVersion: 1}, "2", nil},
		"just young enough":       {Policy{Topics: testPolicy.Topics, MaxAge: 31 * time.Second}, "1", nil},
		"a clock 5 minutes ahead": {Policy{Topics: testPolicy.Topics, MaxAge: time.Hour}, "1", func(m *Message) { m.Timestamp = "2024-05-01T13:05:30Z" }},
		"any age":                 {testPolicy, "1", func(m *Message) { m.Timestamp = "1999-05-01T13:05:30Z" }},
		"emoji and line breaks":   {testPolicy, "2", func(m *Message) { m.Message, m.Subject = "🎉\r\n\x00\"", "Grüße" }},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			v, _ := verifierOf(t, test.policy)
			wantRefused(t, v.Verify(t.Context(), signedMessage(t, test.version, test.change)), "")
		})
	}
}

func TestPolicyMistakesAreNamed(t *testing.T) {
	cases := map[string]Policy{
		`topics[0]: unknown AWS partition "aws-eu": use one of aws, aws-cn, aws-eusc, aws-iso`: {Topics: []string{"arn:aws-eu:sns:eu-west-1:1:x"}},
		`topics[1]: unknown AWS partition "gcp*"`:                                              {Topics: []string{testTopic, "arn:gcp*:sns:eu-west-1:1:x"}},
		`insecure_cert_hosts[0]: "sns.eusc-de-east-1.amazonaws.eu" belongs to Amazon`:          {Topics: []string{testTopic}, InsecureCertHosts: []string{"sns.eusc-de-east-1.amazonaws.eu"}},
		`topics[1]: "*" is not the ARN of a topic`:                                             {Topics: []string{testTopic, "*"}},
		`topics[0]: "arn:aws:sqs:x:1:q" is not the ARN of a topic`:                             {Topics: []string{"arn:aws:sqs:x:1:q"}},
		`topics[0]: "` + testTopic + `:uuid" is not the ARN of a topic`:                        {Topics: []string{testTopic + ":uuid"}},
		`topics[0]: "arn:aws:sns:[a-z]:1:x" is not the ARN of a topic`:                         {Topics: []string{"arn:aws:sns:[a-z]:1:x"}},
		"require_signature_version: 3":                                                         {RequireVersion: 3},
		"require_signature_version: -1":                                                        {RequireVersion: -1},
		"max_age: -1s is negative":                                                             {MaxAge: -time.Second},
		`insecure_cert_hosts[0]: "http://localhost" has an invalid port`:                       {InsecureCertHosts: []string{"http://localhost"}},
		`insecure_cert_hosts[0]: "a/b" is not a host`:                                          {InsecureCertHosts: []string{"a/b"}},
		`insecure_cert_hosts[0]: "" is not a host`:                                             {InsecureCertHosts: []string{""}},
		`insecure_cert_hosts[0]: "*" is not a host`:                                            {InsecureCertHosts: []string{"*"}},
		`insecure_cert_hosts[0]: "localhost:" has an invalid port`:                             {InsecureCertHosts: []string{"localhost:"}},
		`insecure_cert_hosts[0]: "` + testHost + `" belongs to Amazon`:                         {InsecureCertHosts: []string{testHost}},
		`insecure_cert_hosts[1]: "` + testHost + `:1" belongs to Amazon`:                       {InsecureCertHosts: []string{"localhost", testHost + ":1"}},
	}
	for want, policy := range cases {
		if _, err := NewVerifier(policy, Options{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := NewVerifier(Policy{}, Options{}); err != nil {
		t.Errorf("a policy that takes nothing: %v", err)
	}
}

func TestPolicyWarnings(t *testing.T) {
	if w := testPolicy.Warnings(); len(w) != 0 {
		t.Error(w)
	}
	p := Policy{Topics: []string{testTopic, "arn:aws:sns:*:*:mine"}, InsecureCertHosts: []string{"localhost"}}
	if w := p.Warnings(); len(w) != 2 || !strings.Contains(w[0], "topics[1]") || !strings.Contains(w[1], "localhost") {
		t.Error(w)
	}
	if w := (Policy{}).Warnings(); len(w) != 1 {
		t.Error(w)
	}
}

func TestRefusalReasonsAreWords(t *testing.T) {
	word, reasons := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`), RefusalReasons()
	for _, reason := range reasons {
		if !word.MatchString(reason) {
			t.Error(reason)
		}
	}
	slices.Sort(reasons)
	if len(slices.Compact(reasons)) != len(RefusalReasons()) {
		t.Error("one is there twice")
	}
}
