package rule

import (
	"time"

	"github.com/pointsman/pointsman/core/config"
)

// clock is for functions of a time and a zone that return a part of what a clock or calendar shows.
func clock(read func(time.Time) int) builtin {
	return func(c *compiler, k *call) *expr {
		s, zone := c.textArgument(k, 0), func(*frame) *time.Location { return nil }
		if len(k.args) > 1 {
			zone = c.zoneArgument(k, 1)
		}
		if s == nil || zone == nil {
			return nil
		}
		return numberExpr(k.at, func(f *frame) number {
			text, in := s(f), zone(f)
			if f.err != nil {
				return number{}
			}
			t, err := config.ParseTime(text, in)
			if err != nil {
				f.fail(k.args[0].at, "%s: %s; it is %s", k.role(0), err, show(textValue(text)))
			}
			return intNumber(int64(read(t)))
		})
	}
}

// formatDate checks a constant zone now.
func (c *compiler) formatDate(k *call) *expr {
	if len(k.args) > 2 && c.zoneArgument(k, 2) == nil {
		return nil
	}
	return c.general(k)
}

// zoneArgument finds a constant zone now.
func (c *compiler) zoneArgument(k *call, i int) func(*frame) *time.Location {
	name := c.textArgument(k, i)
	if name == nil {
		return nil
	}
	arg := k.args[i]
	if arg.constant == nil {
		return func(f *frame) *time.Location {
			s := name(f)
			zone, err := config.Zone(s)
			if err != nil {
				f.fail(arg.at, "%s: %s; it is %s", k.role(i), err, show(textValue(s)))
			}
			return zone
		}
	}
	literal, _ := arg.constant.toText()
	zone, err := config.Zone(literal)
	if err != nil {
		c.errorf(*arg.rng(), k.at.rng, "Unknown time zone", "%s.", sentence(err.Error()))
		return nil
	}
	return func(*frame) *time.Location { return zone }
}

// cloudEvent writes the event in the JSON format of CloudEvents 1.0. The specification has no empty attributes.
func (c *compiler) cloudEvent(k *call) *expr {
	x := k.args[0]
	if x.fields != c.event.fields {
		c.errorf(*x.rng(), k.at.rng, "Invalid function argument", "cloudevent writes the whole event: call it as cloudevent(event).")
		return nil
	}
	data := x.fields.field("data")
	return c.json(k.at, func(f *frame, buf []byte) []byte {
		buf = append(buf, `{"specversion":"1.0"`...)
		attribute := func(name, s string) {
			if s != "" {
				buf = append(append(append(buf, `,"`...), name...), `":`...)
				buf = appendText(buf, s)
			}
		}
		attribute("id", f.env.GetId())
		attribute("source", f.env.GetSource())
		attribute("type", f.env.GetType())
		attribute("subject", f.env.GetSubject())
		if t := f.env.GetTimeUnixNano(); t != 0 {
			attribute("time", string(appendTime(nil, t)))
		}
		attribute("traceparent", f.env.GetTraceParent())
		if v := data.val(f); v.kind != null {
			attribute("datacontenttype", "application/json")
			buf = appendValue(append(buf, `,"data":`...), v)
		}
		return append(buf, '}')
	})
}
