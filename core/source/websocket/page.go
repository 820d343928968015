package websocket

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// page is an HTML file served at the source's path.
type page struct {
	content []byte
	policy  string
}

// newPage reads the file and computes its content security policy: only its own inline scripts and styles, by digest, and
// connections to the same origin. It returns nil without a page.
func newPage(name string) (*page, error) {
	if name == "" {
		return nil, nil
	}
	content, err := readPage(name)
	if err != nil {
		return nil, err
	}
	scripts, styles := inline(strings.ReplaceAll(string(content), "\r\n", "\n")) // as browsers normalize it
	return &page{content: content, policy: strings.Join([]string{
		"default-src 'none'", "connect-src 'self'", "img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
		"script-src " + sources(scripts), "style-src " + sources(styles),
	}, "; ")}, nil
}

// inline returns the contents of the script and style elements.
func inline(document string) (scripts, styles []string) {
	z := html.NewTokenizer(strings.NewReader(document))
	for element := ""; ; {
		switch z.Next() {
		case html.ErrorToken:
			return scripts, styles
		case html.StartTagToken:
			name, _ := z.TagName()
			element = string(name)
		case html.TextToken:
			switch element {
			case "script":
				scripts = append(scripts, string(z.Raw()))
			case "style":
				styles = append(styles, string(z.Raw()))
			}
		case html.EndTagToken:
			element = ""
		}
	}
}

func sources(contents []string) string {
	if len(contents) == 0 {
		return "'none'"
	}
	var list []string
	for _, c := range contents {
		sum := sha256.Sum256([]byte(c))
		list = append(list, fmt.Sprintf("'sha256-%s'", base64.StdEncoding.EncodeToString(sum[:])))
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(p.content)))
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(p.content) // the browser may be gone
}
