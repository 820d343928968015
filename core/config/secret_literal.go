package config

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// secretShapes are secrets that can be told by their form, wherever they are written. A literal is compared with a form only if it has
// one of the hints in it, because a configuration may have 100,000 literals.
var secretShapes = []struct {
	what  string
	hints []string
	form  *regexp.Regexp
}{
	{"an access key of AWS", []string{"AKIA", "ASIA"}, regexp.MustCompile(`\b(AKIA|ASIA)[A-Z2-7]{16}\b`)},
	{"a token of Slack", []string{"xox", "xapp-"}, regexp.MustCompile(`\b(xox[a-z]-[0-9A-Za-z-]{10,}|xapp-[0-9]-[0-9A-Za-z-]{10,})`)},
	{
		"the URL of a webhook",
		[]string{"hooks.slack.com/", "/api/webhooks/", "webhook.office.com/"},
		regexp.MustCompile(`hooks\.slack\.com/(services|workflows|triggers)/[0-9A-Za-z/_-]{20,}|discord(app)?\.com/api/webhooks/[0-9]+/[0-9A-Za-z_-]{20,}|webhook\.office\.com/webhookb2/[0-9A-Za-z@/-]{20,}`),
	},
	{"a token of GitHub", []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"}, regexp.MustCompile(`\b(gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22,})`)},
	{"a JSON Web Token", []string{"eyJ"}, regexp.MustCompile(`\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}`)},
	{"a URL with a password", []string{"://"}, regexp.MustCompile(`://[^/\s:@"]+:[^/\s:@"]{3,}@`)},
	{"a private key", []string{"PRIVATE KEY-----"}, regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
}

// shapeOf says what a text has in it, or nothing.
func shapeOf(text []byte) string {
	for _, s := range secretShapes {
		hinted := slices.ContainsFunc(s.hints, func(hint string) bool { return bytes.Contains(text, []byte(hint)) })
		if hinted && s.form.Match(text) {
			return s.what
		}
	}
	return ""
}

// findSecrets masks the literals and comments that have a secret in them, and warns of each.
func (f *file) findSecrets() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for i, t := range f.tokens {
		switch t.Type {
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenComment:
		default:
			continue
		}
		what := shapeOf(t.Bytes)
		if what == "" {
			continue
		}
		f.maskText(i)
		f.secrets = append(f.secrets, t.Range)
		if len(diags) < maxSyntaxErrors {
			diags = append(diags, warningAt(firstLine(t), "Secret in the configuration file",
				fmt.Sprintf("This looks like %s. Everybody who reads the file can use it. Use env(\"NAME\") or file(\"path\") in the settings of the source or plugin, and replace the secret if the file was shared.", what)))
		}
	}
	return diags
}

// maskText overwrites token i and, of a text of several lines such as a private key, all of it.
func (f *file) maskText(i int) {
	for kind := f.tokens[i].Type; i < len(f.tokens) && f.tokens[i].Type == kind; i++ {
		f.maskToken(i)
		if kind != hclsyntax.TokenStringLit {
			return
		}
	}
}

// firstLine is where the first line of a token is. Tokens of comments and heredocs include their line break.
func firstLine(t hclsyntax.Token) hcl.Range {
	line, _, _ := bytes.Cut(t.Bytes, []byte("\n"))
	rng := t.Range
	rng.End = hcl.Pos{Line: rng.Start.Line, Column: rng.Start.Column + utf8.RuneCount(line), Byte: rng.Start.Byte + len(line)}
	return rng
}

// hasFound reports whether findSecrets has warned of something in a range.
func (f *file) hasFound(rng hcl.Range) bool {
	return slices.ContainsFunc(f.secrets, rng.Overlaps)
}
