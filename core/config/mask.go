package config

import (
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Diagnostics show source text, and source text may hold secrets that were written there despite env(). A literal
// is overwritten in the text that diagnostics show if the schema marks its attribute as sensitive, if the attribute is unknown (it
// may be a misspelt sensitive one), or if its name looks like that of a secret. The last rule also applies to files that cannot be
// parsed. The default in env("X", "default") may be a secret too.

var likelySecret = regexp.MustCompile("(?i)" + strings.Join(secretWords, "|"))

// secretWords are parts of the names of secrets, in small letters.
var secretWords = []string{
	"secret", "passw", "passphrase", "token", "webhook", "credential", "apikey", "api_key", "privatekey", "private_key", "accesskey", "access_key",
}

// maskLikelySecrets masks `name = ...` by its name alone.
func (f *file) maskLikelySecrets() {
	likely := map[string]bool{} // the same few names come again and again
	for i := range len(f.tokens) - 1 {
		t := &f.tokens[i]
		if t.Type != hclsyntax.TokenIdent {
			continue
		}
		switch f.tokens[i+1].Type {
		case hclsyntax.TokenOParen:
			if string(t.Bytes) == "env" {
				f.maskCall(i + 2)
			}
		case hclsyntax.TokenEqual, hclsyntax.TokenColon:
			is, known := likely[string(t.Bytes)]
			if !known {
				is = likelySecret.Match(t.Bytes)
				likely[string(t.Bytes)] = is
			}
			if is {
				f.maskFrom(i + 2)
			}
		}
	}
}

// mask overwrites the literals of the expression at a range.
func (f *file) mask(rng hcl.Range) {
	if !rng.CanSliceBytes(f.text) {
		return
	}
	part := &file{name: f.name, text: f.text}
	part.tokens, _ = hclsyntax.LexExpression(rng.SliceBytes(f.text), f.name, rng.Start)
	for i := range part.tokens {
		part.maskToken(i)
	}
}

// maskFrom overwrites the literals of the expression that begins at token i.
func (f *file) maskFrom(i int) {
	for depth := 0; i < len(f.tokens); i++ {
		t := f.tokens[i]
		if closer, _ := closing(t.Type); closer != hclsyntax.TokenNil {
			depth++
		} else if isClosing(t.Type) {
			depth--
		}
		if depth < 0 || depth == 0 && (endsLine(t) || t.Type == hclsyntax.TokenComma) {
			return
		}
		f.maskToken(i)
	}
}

// maskCall overwrites the literals in the arguments that begin at token i, except a first one that namesSecret.
func (f *file) maskCall(i int) {
	for depth := 0; i < len(f.tokens) && depth >= 0; i++ {
		if closer, _ := closing(f.tokens[i].Type); closer != hclsyntax.TokenNil {
			depth++
		} else if isClosing(f.tokens[i].Type) {
			depth--
		}
		f.maskToken(i)
	}
}

func (f *file) maskToken(i int) {
	t := f.tokens[i]
	switch t.Type {
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenNumberLit, hclsyntax.TokenComment, hclsyntax.TokenInvalid,
		hclsyntax.TokenBadUTF8, hclsyntax.TokenQuotedNewline:
	default:
		return
	}
	if f.namesSecret(i) {
		return
	}
	for at := t.Range.Start.Byte; at < t.Range.End.Byte && at < len(f.text); at++ {
		if c := f.text[at]; c != '\n' && c != '\r' {
			f.text[at] = '*'
		}
	}
}

// namesSecret reports whether token i is in the "X" of env("X"): the name of a secret, which may be shown.
func (f *file) namesSecret(i int) bool {
	return i >= 3 && f.tokens[i-1].Type == hclsyntax.TokenOQuote && f.tokens[i-2].Type == hclsyntax.TokenOParen &&
		secretNames[string(f.tokens[i-3].Bytes)]
}

func isClosing(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		return true
	}
	return false
}
