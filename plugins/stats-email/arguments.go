package main

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"slices"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/stats-email/awsmail"
	"github.com/pointsman/pointsman/plugins/stats-email/intdash"
	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

// arguments are those of a `dispatch` block.
type arguments struct {
	To          []string `pointsman:"to,required" doc:"Who gets the mail, one address each. With via = \"sns\" the topic's subscribers get it, and nobody else: write to = []."`
	Subject     string   `pointsman:"subject,template" doc:"Subject, with placeholders as in body. Default: Measurement <uuid> statistics."`
	Body        string   `pointsman:"body,template" doc:"Text with placeholders such as {{.Average}}, {{.UnbiasedVariance}}, {{.Count}}. Default: two lines with average and unbiased variance."`
	Measurement string   `pointsman:"measurement" doc:"UUID of the measurement. Default: the event's."`
	Project     string   `pointsman:"project" doc:"UUID of the measurement's project. Default: the event's."`
	Filter      []string `pointsman:"filter" doc:"Data points to use, such as \"float64:10/distance\"; # is any type or name. Default: all numbers."`
}

// maxRecipients is the number that every mail server must accept (RFC 5321 section 4.5.3.1.8). SES accepts fewer.
const maxRecipients = 100

// order is the parsed form of one delivery's arguments.
type order struct {
	to      []*netmail.Address
	query   intdash.Query
	subject *template
	body    *template // nil: the default two lines
}

// understand parses the arguments. Its errors are permanent: another attempt would have the same arguments.
func understand(d *sdk.Delivery[arguments], data, via string) (*order, error) {
	a := d.Arguments
	o := &order{query: query(a, d.Envelope.GetIntdash())}
	if o.query.Measurement == "" && data == dataIntdash {
		return nil, errors.New("no measurement: the event names none, and the rule sets no argument measurement")
	}
	var errTo, errFilter, errSubject, errBody error
	o.to, errTo = recipients(a.To, via)
	o.query.Filters, errFilter = filters(a.Filter)
	subject := a.Subject
	if subject == "" {
		subject = "{{if .Measurement}}Measurement {{.Measurement}}{{else}}Sample{{end}} statistics"
	}
	o.subject, errSubject = parseTemplate("subject", subject)
	if a.Body != "" {
		o.body, errBody = parseTemplate("body", a.Body)
	}
	if err := errors.Join(errTo, errFilter, errSubject, errBody); err != nil {
		return nil, err
	}
	return o, nil
}

func query(a arguments, event *pointsmanv1.IntdashEvent) intdash.Query {
	q := intdash.Query{Measurement: a.Measurement, Project: a.Project}
	if q.Measurement == "" {
		q.Measurement = event.GetMeasurementUuid()
	}
	if q.Project == "" {
		q.Project = event.GetProjectUuid()
	}
	return q
}

func recipients(texts []string, via string) (to []*netmail.Address, err error) {
	most := maxRecipients
	switch {
	case via == viaSNS && len(texts) > 0:
		return nil, errors.New(`to: with via = "sns" the subscribers of the topic get the mail, and nobody else: write to = []`)
	case via == viaSNS:
		return nil, nil
	case via == viaSES:
		most = awsmail.MaxRecipients
	}
	if len(texts) == 0 || len(texts) > most {
		return nil, fmt.Errorf("to: %d addresses; want 1 to %d", len(texts), most)
	}
	for i, s := range texts {
		a, errOne := mail.ParseAddress(s)
		if errOne != nil {
			err = errors.Join(err, fmt.Errorf("to[%d]: %w", i, errOne))
			continue
		}
		if !slices.ContainsFunc(to, func(b *netmail.Address) bool { return a.Address == b.Address }) {
			to = append(to, a)
		}
	}
	return to, err
}

func filters(texts []string) (fs []intdash.Filter, err error) {
	for i, s := range texts {
		f, errOne := intdash.ParseFilter(s)
		if errOne != nil {
			err = errors.Join(err, fmt.Errorf("filter[%d]: %w", i, errOne))
		}
		fs = append(fs, f)
	}
	return fs, err
}
