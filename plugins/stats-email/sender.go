package main

import (
	"context"
	"path/filepath"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/stats-email/awsmail"
	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

// sender sends mails in one way. Send returns the id of the mail there.
type sender interface {
	Send(ctx context.Context, m *mail.Message) (id string, err error)
	Close() error
}

// open returns the sender for the settings.
func open(ctx context.Context, s settings, in sdk.Instance) (sender, error) {
	if s.Via == viaMaildir {
		out, err := mail.OpenMaildir(s.Maildir)
		if err != nil {
			return nil, sdk.Diagnostic{Path: "maildir", Summary: err.Error(), Detail: "The folder is made where the user that runs Pointsman may write."}
		}
		return &byMessageID{out: out}, nil
	}
	name := "sent"
	if s.Via != viaSMTP {
		name += "-" + s.Via // recipients reached in one way may be only some of those to reach in another
	}
	sent, err := mail.OpenSent(filepath.Join(in.DataDir, name), in.Log)
	if err != nil {
		return nil, err
	}
	if s.Via == viaSMTP {
		return &byMessageID{sent: sent, out: &mail.SMTP{
			Host: s.SMTP.Host, Port: s.SMTP.Port, TLS: s.SMTP.TLS, Username: s.SMTP.Username, Password: s.SMTP.Password.Reveal(),
			RootCAs: roots(s.SMTP.CA), Sent: sent,
		}}, nil
	}
	out, err := openAmazon(ctx, s)
	if err != nil {
		_ = sent.Close() // nothing was written
		return nil, sdk.Diagnostic{Path: s.Via, Summary: err.Error()}
	}
	return &once{out: out, sent: sent}, nil
}

func openAmazon(ctx context.Context, s settings) (sender, error) {
	if s.Via == viaSNS {
		return awsmail.OpenTopic(ctx, s.SNS.account(), s.SNS.Endpoint, s.SNS.TopicARN, s.SNS.ASCIISubject)
	}
	return awsmail.OpenSES(ctx, s.SES.Account, s.SES.Endpoint, s.SES.ConfigurationSet)
}

// byMessageID sends to an SMTP server or a Maildir, where the mail keeps its own Message-ID.
type byMessageID struct {
	out interface {
		Send(ctx context.Context, m *mail.Message) error
	}
	sent *mail.Sent // nil with a Maildir, where one delivery is one file
}

func (b *byMessageID) Send(ctx context.Context, m *mail.Message) (string, error) {
	return m.MessageID(), b.out.Send(ctx, m)
}

func (b *byMessageID) Close() error {
	if b.sent == nil {
		return nil
	}
	return b.sent.Close()
}

// once does not send a mail again when its delivery arrives again, because Amazon does not recognise repetitions. It cannot know
// whether a call without a response was carried out.
type once struct {
	out  sender
	sent *mail.Sent
}

func (o *once) Send(ctx context.Context, m *mail.Message) (string, error) {
	if ids := o.sent.Reached(m.ID); len(ids) > 0 {
		return ids[0], nil
	}
	id, err := o.out.Send(ctx, m)
	if err == nil {
		o.sent.Add(m.ID, []string{id})
	}
	return id, err
}

func (o *once) Close() error {
	_ = o.out.Close() // only closes idle connections
	return o.sent.Close()
}
