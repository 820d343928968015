package main

import (
	"crypto/x509"
	"net"
	netmail "net/mail"
	"strings"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	"github.com/pointsman/pointsman/plugins/stats-email/intdash"
	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

// Values of settings.
const (
	dataIntdash = "intdash"
	dataSample  = "sample"
	viaSMTP     = "smtp"
	viaMaildir  = "maildir"
	viaSNS      = "sns"
	viaSES      = "ses"
)

// settings is the block `settings`.
type settings struct {
	Data    string           `pointsman:"data,default=intdash,one_of=intdash|sample" doc:"Where data points come from: an intdash server, or a fixed sample of 1000 values."`
	Intdash *intdashSettings `pointsman:"intdash" doc:"The intdash server. Needed with data = \"intdash\"."`
	Via     string           `pointsman:"via,default=smtp,one_of=smtp|maildir|sns|ses" doc:"How mail is sent: by a mail server, into a folder that mail programs read, to the subscribers of an Amazon SNS topic, or by Amazon SES."`
	SMTP    *smtpSettings    `pointsman:"smtp" doc:"The mail server. Needed with via = \"smtp\"."`
	Maildir string           `pointsman:"maildir,default=data/mail" doc:"The folder for via = \"maildir\", relative to the working directory."`
	SNS     *snsSettings     `pointsman:"sns" doc:"The topic. Needed with via = \"sns\"."`
	SES     *sesSettings     `pointsman:"ses" doc:"Amazon SES. Needed with via = \"ses\"."`
	From    string           `pointsman:"from" doc:"Sender of the mails, \"ops@example.com\" or \"Ops <ops@example.com>\". Needed with via = \"smtp\" and \"ses\"; pointsman@localhost with \"maildir\"; not used with \"sns\", which has its own."`
}

// intdashSettings is the block `intdash`.
type intdashSettings struct {
	URL          string        `pointsman:"url,required" doc:"The server, \"https://intdash.example.com\"."`
	Token        schema.Secret `pointsman:"token" doc:"API token. Either this, or client_id and client_secret."`
	ClientID     string        `pointsman:"client_id" doc:"OAuth2 client."`
	ClientSecret schema.Secret `pointsman:"client_secret" doc:"The OAuth2 client's secret."`
	CA           string        `pointsman:"ca" doc:"Certificates (PEM) of the authorities to trust in place of the system's: file(\"ca.pem\")."`
}

// smtpSettings is the block `smtp`.
type smtpSettings struct {
	Host     string        `pointsman:"host,required" doc:"Name or address of the mail server."`
	Port     int           `pointsman:"port" doc:"Default: 587 with starttls, 465 with tls, 25 with none."`
	TLS      string        `pointsman:"tls,default=starttls,one_of=starttls|tls|none" doc:"starttls: begin in clear text and require STARTTLS. tls: TLS from the first byte. none: clear text."`
	Username string        `pointsman:"username" doc:"Log in with this name."`
	Password schema.Secret `pointsman:"password" doc:"Log in with this password."`
	CA       string        `pointsman:"ca" doc:"Certificates (PEM) of the authorities to trust in place of the system's: file(\"ca.pem\")."`
}

// defaultFrom is the sender of mails to a Maildir.
const defaultFrom = "pointsman@localhost"

func (s settings) from() (*netmail.Address, error) {
	if s.From == "" {
		return mail.ParseAddress(defaultFrom)
	}
	return mail.ParseAddress(s.From)
}

// check checks what the schema cannot express.
func check(s settings) []sdk.Diagnostic {
	var ds sdk.Diagnostics
	if _, err := s.from(); err != nil {
		ds.Add("from", err.Error(), `Write "ops@example.com" or "Ops <ops@example.com>".`)
	} else if s.From == "" && (s.Via == viaSMTP || s.Via == viaSES) {
		ds.Add("from", "a sender is needed to send by "+strings.ToUpper(s.Via), `Add from = "pointsman@your.domain" to the settings.`)
	} else if s.From != "" && s.Via == viaSNS {
		ds.Warn("from", "mails of an SNS topic come from Amazon's own address", "Leave it out.")
	}
	if s.Data == dataIntdash {
		s.Intdash.check(&ds)
	}
	switch s.Via {
	case viaSMTP:
		s.SMTP.check(&ds)
	case viaSNS:
		s.SNS.check(&ds)
	case viaSES:
		s.SES.check(&ds)
	default:
		if s.Maildir == "" {
			ds.Add("maildir", "a folder is needed", `Leave it out for "data/mail".`)
		}
	}
	return ds
}

func (s *intdashSettings) check(ds *sdk.Diagnostics) {
	if s == nil {
		ds.Add("intdash", `a block "intdash" is needed with data = "intdash"`,
			`Add intdash { url = "https://..." and a token }, or set data = "sample" to try things out.`)
		return
	}
	u, err := intdash.ParseURL(s.URL)
	switch {
	case err != nil:
		ds.Add("intdash.url", err.Error(), "")
	case u.Scheme == "http" && !isLoopbackHost(u.Hostname()):
		ds.Warn("intdash.url", "the credentials will cross the network in clear text", "Use https.")
	}
	token, id, secret := !s.Token.IsZero(), s.ClientID != "", !s.ClientSecret.IsZero()
	switch {
	case !token && !id && !secret:
		ds.Add("intdash.token", "a token, or client_id and client_secret, are needed", `For example token = env("INTDASH_TOKEN").`)
	case token && (id || secret):
		ds.Add("intdash.token", "there are two ways to log in", "Keep either token, or client_id and client_secret.")
	case id && !secret:
		ds.Add("intdash.client_secret", "client_id needs client_secret", "")
	case secret && !id:
		ds.Add("intdash.client_id", "client_secret needs client_id", "")
	}
	checkCA(ds, "intdash.ca", s.CA)
}

func (s *smtpSettings) check(ds *sdk.Diagnostics) {
	if s == nil {
		ds.Add("smtp", `a block "smtp" is needed with via = "smtp"`,
			`Add smtp { host = "mail.example.com" }, or set via = "maildir" to put mails into a folder.`)
		return
	}
	if s.Host == "" || strings.ContainsAny(s.Host, "/ ") || strings.Contains(s.Host, ":") && net.ParseIP(s.Host) == nil {
		ds.Add("smtp.host", "want a name or an address", `Write the port apart: host = "mail.example.com", port = 587.`)
	}
	if s.Port < 0 || s.Port > 65535 {
		ds.Add("smtp.port", "a port is at most 65535", "")
	}
	if password := !s.Password.IsZero(); password != (s.Username != "") {
		ds.Add("smtp.username", "username and password go together", "Set both to log in, or none.")
	}
	if s.TLS == mail.ClearText && !isLoopbackHost(s.Host) {
		if s.Username != "" {
			ds.Add("smtp.tls", "a password is not sent in clear text to another machine", `Use tls = "starttls" or "tls".`)
		} else {
			ds.Warn("smtp.tls", "mails will cross the network in clear text", `Use tls = "starttls" or "tls".`)
		}
	}
	checkCA(ds, "smtp.ca", s.CA)
}

func checkCA(ds *sdk.Diagnostics, path, pem string) {
	if pem != "" && roots(pem) == nil {
		ds.Add(path, "there is no certificate in it", `Want the text of a PEM file: ca = file("ca.pem").`)
	}
}

// roots returns a pool of the certificates in pem, or nil if there are none.
func roots(pem string) *x509.CertPool {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil
	}
	return pool
}

func isLoopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
