// Command pointsman-plugin-hello posts a text to a URL.
package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

type settings struct {
	URL schema.Secret `pointsman:"url,required" doc:"Where to post."`
}

type arguments struct {
	Text string `pointsman:"text,required" doc:"What to post."`
}

func main() {
	sdk.Serve(sdk.Plugin[settings, arguments]{
		Name: "hello",
		Doc:  "Posts a text to a URL.",
		New: func(_ context.Context, s settings, _ sdk.Instance) (sdk.Handler[arguments], error) {
			return &poster{url: s.URL}, nil
		},
	})
}

type poster struct{ url schema.Secret }

func (p *poster) Deliver(ctx context.Context, d *sdk.Delivery[arguments]) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.Reveal(), strings.NewReader(d.Arguments.Text))
	if err != nil {
		return sdk.Reject(err)
	}
	req.Header.Set("Idempotency-Key", d.ID) // the same delivery may arrive again
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err // the router retries
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode < 300:
		return nil
	case resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests:
		return sdk.Reject(fmt.Errorf("the server answered %s", resp.Status)) // a dead letter
	}
	return fmt.Errorf("the server answered %s", resp.Status)
}
