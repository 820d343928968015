// Command pointsman-plugin-noop is a plugin for tests: it does nothing, at full speed, and misbehaves on request.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

type settings struct {
	FailStart string        `pointsman:"fail_start" doc:"Refuse to start, with this text."`
	Record    string        `pointsman:"record" doc:"File to which a line \"<delivery id> <attempt> <event id>\" is appended for each delivery that is done."`
	Reject    string        `pointsman:"reject" doc:"Reject every delivery, with this text."`
	Token     schema.Secret `pointsman:"token" doc:"A secret. The outcome \"leak\" fails with it in its text."`
}

type arguments struct {
	Text  string        `pointsman:"text" doc:"Anything. It becomes the receipt."`
	Mode  string        `pointsman:"mode,default=ok,one_of=ok|retry|reject|panic|exit|hang|sleep|print|leak" doc:"What happens: an outcome, the end of the process (exit), no answer ever (hang), an answer after sleep, output on stdout, the token in an error."`
	Until int           `pointsman:"until,default=0" doc:"Attempts after this one are ok whatever mode says. 0: none."`
	Sleep time.Duration `pointsman:"sleep,default=0s" doc:"Wait this long first, or until the deadline."`
	After time.Duration `pointsman:"after,default=0s" doc:"With retry: not before."`
}

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin[settings, arguments] {
	return sdk.Plugin[settings, arguments]{
		Name:        "noop",
		Version:     "test",
		Doc:         "Does nothing with every delivery, or whatever a test asks for.",
		New:         open,
		MaxInFlight: 1024,
	}
}

type noop struct {
	record *os.File // nil: none
	reject string   // "": nothing is rejected
	token  schema.Secret
}

func open(_ context.Context, s settings, _ sdk.Instance) (sdk.Handler[arguments], error) {
	if s.FailStart != "" {
		return nil, sdk.Diagnostic{Path: "fail_start", Summary: s.FailStart, Detail: "Take the setting away."}
	}
	n := &noop{reject: s.Reject, token: s.Token}
	if s.Record != "" {
		f, err := os.OpenFile(s.Record, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, sdk.Diagnostic{Path: "record", Summary: err.Error()}
		}
		n.record = f
	}
	return n, nil
}

func (n *noop) Deliver(ctx context.Context, d *sdk.Delivery[arguments]) error {
	if n.reject != "" {
		return sdk.Reject(errors.New(n.reject))
	}
	if err := n.misbehave(ctx, d); err != nil {
		return err
	}
	d.SetReceipt(d.Arguments.Text)
	if n.record == nil {
		return nil
	}
	// One write for one line: lines of a process that is killed are whole, and those of several processes do not mix.
	_, err := io.WriteString(n.record, fmt.Sprintf("%s %d %s\n", d.ID, d.Attempt, d.Envelope.GetId()))
	return err
}

func (n *noop) misbehave(ctx context.Context, d *sdk.Delivery[arguments]) error {
	a := d.Arguments
	if a.Sleep > 0 {
		select {
		case <-time.After(a.Sleep):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if a.Until > 0 && d.Attempt > a.Until {
		return nil
	}
	switch a.Mode {
	case "retry":
		return sdk.RetryAfter(errors.New("asked to retry"), a.After)
	case "reject":
		return sdk.Reject(errors.New("asked to reject"))
	case "panic":
		panic("asked to panic")
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "print":
		fmt.Println("asked to print")
	case "leak":
		return fmt.Errorf("the token is %s", n.token.Reveal())
	}
	return nil
}

func (n *noop) Close() error {
	if n.record == nil {
		return nil
	}
	return n.record.Close()
}
