package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// People write what they know from other languages: `a and b`, 'text', x in [...]. HCL's parser stops there and says what it expected,
// which does not help: it never saw an operator. understand rewrites its errors where the tokens at the place tell what was meant.

// understand rewrites the errors of the parser. One that is understood is the only one of its line: the others follow from it.
func understand(tokens hclsyntax.Tokens, diags hcl.Diagnostics) hcl.Diagnostics {
	understood := map[int]*hcl.Diagnostic{}
	for _, d := range diags {
		if d.Subject == nil {
			continue
		}
		if better := (spot{tokens, indexAt(tokens, d.Subject.Start.Byte)}).meant(d); better != nil {
			line := d.Subject.Start.Line
			if first := understood[line]; first == nil || better.Subject.Start.Byte < first.Subject.Start.Byte {
				understood[line] = better
			}
		}
	}
	var out hcl.Diagnostics
	shown := map[*hcl.Diagnostic]bool{}
	for _, d := range diags {
		if d.Subject != nil {
			line := d.Subject.Start.Line
			if better := understood[line]; better != nil {
				d = better
			} else if understood[line-1] != nil && d.Summary == "Argument or block definition required" {
				continue // the rest of an expression
			}
		}
		if !shown[d] {
			shown[d] = true
			out = append(out, d)
		}
	}
	return out
}

// inBlocks parses each block of a file by itself. The parser reports nothing after its first error, and all errors are told at once. It
// returns nil when the brackets do not tell where the blocks end.
func inBlocks(name string, text []byte, tokens hclsyntax.Tokens) hcl.Diagnostics {
	var diags hcl.Diagnostics
	depth, start := 0, -1
	for i, t := range tokens {
		if closer, _ := closing(t.Type); closer != hclsyntax.TokenNil {
			depth++
		} else if isClosing(t.Type) {
			depth--
		}
		if depth < 0 {
			return nil
		}
		ends := endsLine(t) || t.Type == hclsyntax.TokenEOF
		if start < 0 && !ends {
			start = i
		}
		if ends && depth == 0 && start >= 0 {
			from, to := tokens[start].Range.Start, t.Range.Start.Byte
			_, found := hclsyntax.ParseConfig(text[from.Byte:to], name, from)
			diags, start = append(diags, found...), -1
		}
	}
	if depth != 0 {
		return nil
	}
	return diags
}

// indexAt is the first token that begins at a byte or after it.
func indexAt(tokens hclsyntax.Tokens, at int) int {
	i, _ := slices.BinarySearchFunc(tokens, at, func(t hclsyntax.Token, at int) int { return t.Range.Start.Byte - at })
	return i
}

// spot is a place among the tokens of a file.
type spot struct {
	tokens hclsyntax.Tokens
	at     int
}

func (p spot) token(offset int) hclsyntax.Token {
	if i := p.at + offset; i >= 0 && i < len(p.tokens) {
		return p.tokens[i]
	}
	return hclsyntax.Token{Type: hclsyntax.TokenEOF}
}

func (p spot) text(offset int) string { return string(p.token(offset).Bytes) }

// word is the text of a name in lower case, and empty for other tokens.
func (p spot) word(offset int) string {
	if p.token(offset).Type != hclsyntax.TokenIdent {
		return ""
	}
	return strings.ToLower(p.text(offset))
}

// joined reports whether a token follows the one before it without a space.
func (p spot) joined(offset int) bool {
	return p.token(offset-1).Range.End.Byte == p.token(offset).Range.Start.Byte
}

// error is about the tokens from one offset to another.
func (p spot) error(from, to int, format string, args ...any) *hcl.Diagnostic {
	rng := hcl.RangeBetween(p.token(from).Range, p.token(to).Range)
	return errorAt(rng, "Written as in another language", fmt.Sprintf(format, args...))
}

// meant returns a better error for d, which is at this place, or nil.
func (p spot) meant(d *hcl.Diagnostic) *hcl.Diagnostic {
	switch d.Summary {
	case "Argument or block definition required", "Invalid block definition":
		return p.statement()
	case "Invalid escape sequence":
		return errorAt(*d.Subject, d.Summary, `A backslash in a text is written twice: "\\d" is the text \d.`)
	case "Missing false expression in conditional":
		for !endsLine(p.token(-1)) && p.at > 0 {
			if p.at--; p.text(-1) == "?" {
				return p.operator()
			}
		}
		return nil
	case "Missing item separator", "Missing argument separator":
		if p.word(0) == "for" {
			return p.error(0, 0, "Write the for first, in brackets: [for x in list : x].")
		}
		if better := p.operator(); better != nil {
			return better
		}
		if d.Summary == "Missing argument separator" {
			return nil
		}
		for p.at > 0 && p.token(-1).Type == hclsyntax.TokenNewline {
			p.at--
		}
		return p.error(-1, -1, "The items of a list are separated by commas: write a comma after this one.")
	}
	for _, try := range []func() *hcl.Diagnostic{p.operator, p.wordOperator, p.prefix, p.method, p.punctuation} {
		if better := try(); better != nil {
			return better
		}
	}
	return nil
}

// operator knows operators of signs.
func (p spot) operator() *hcl.Diagnostic {
	before, here, after := p.text(-1), p.text(0), p.text(1)
	switch {
	case here == "~" && (before == "=" || before == "!"), here == "~" && after == "=", here == "=" && after == "~", here == "^" && before == "/":
		return p.error(0, 0, `A pattern is tested with can(regex("pattern", text)), and !can(...) for the opposite.`)
	case here == "=" && before == "==":
		return p.error(-1, 0, "Write ==: there is no ===.")
	case here == "=" && before == "!=":
		return p.error(-1, 0, "Write !=: there is no !==.")
	case here == ">" && before == "<":
		return p.error(-1, 0, "Write != for what is not equal.")
	case here == ">" && before == "<=":
		return p.error(-1, 0, "Compare with <, == or >: there is no <=>.")
	case here == ":" && after == "=":
		return p.error(0, 1, "Write == to compare. A name is given to a value in a block locals { ... }.")
	case here == "=":
		return p.error(0, 0, "Write == to compare.")
	case here == "?" && before == "?":
		return p.error(-1, 0, "Write coalesce(a, b): b where a is null.")
	case here == "." && before == "?":
		return p.error(-1, 0, "Write a dot alone: a member that is missing is null, and so are those below it.")
	case here == "&":
		return p.error(0, 0, "Write && for and.")
	case here == "|":
		return p.error(0, 0, "Write || for or. There are no pipes: a function is called as length(event.data).")
	case here == "*" && before == "*":
		return p.error(-1, 0, "There is no **: write the product, a * a.")
	case here == "+" && before == "+":
		return p.error(-1, 0, `Write "${a}${b}" to join texts, and concat(a, b) to join lists.`)
	case here == "=>":
		return p.error(0, 0, "Functions cannot be written here. Write [for x in list : ...] for each item of a list, and [for x in list : x if ...] to choose.")
	case here == "~":
		return p.error(0, 0, `Write "${a}${b}" to join texts.`)
	}
	return nil
}

// words are operators that other languages write as words, behind their first operand.
var words = map[string]string{
	"and": "Write && for and.", "or": "Write || for or.", "xor": "Write a != b for two conditions of which one holds.",
	"in":  `Write contains(["a", "b"], x) to ask whether x is in a list.`,
	"not": `Write !contains(["a", "b"], x) to ask whether x is not in a list, and ! for not.`,
	"is":  "Write == to compare, and x == null or x != null to ask whether there is a value.",
	"eq":  "Write ==.", "ne": "Write !=.", "lt": "Write <.", "le": "Write <=.", "gt": "Write >.", "ge": "Write >=.", "mod": "Write %.",
	"like": `Write startswith(x, "a"), endswith(x, "a") or strcontains(x, "a"): there is no LIKE.`, "ilike": `Write strcontains(lower(x), "a").`,
	"between": "Write x >= 1 && x <= 3.",
	"matches": `Write can(regex("pattern", x)).`, "match": `Write can(regex("pattern", x)).`, "regexp": `Write can(regex("pattern", x)).`, "rlike": `Write can(regex("pattern", x)).`,
	"contains": `Write strcontains(text, "part") for a text, and contains(list, x) for a list.`, "includes": `Write strcontains(text, "part") for a text, and contains(list, x) for a list.`,
	"starts": `Write startswith(x, "a").`, "startswith": `Write startswith(x, "a").`, "ends": `Write endswith(x, "a").`, "endswith": `Write endswith(x, "a").`,
	"exists": "Write x != null to ask whether there is a value.", "isnull": "Write x == null.", "notnull": "Write x != null.",
	"then": "Write condition ? a : b.", "if": "Write condition ? a : b.", "else": "Write condition ? a : b.",
	"kb": "Write 10 * kb.", "mb": "Write 10 * mb.", "gb": "Write 10 * gb.", "kib": `Write bytes("10KiB").`, "mib": `Write bytes("10MiB").`, "gib": `Write bytes("10GiB").`,
}

func (p spot) wordOperator() *hcl.Diagnostic {
	word := p.word(0)
	switch {
	case p.token(-1).Type == hclsyntax.TokenNumberLit && p.joined(0) && strings.HasPrefix(word, "x"):
		return p.error(-1, 0, `Write parseint("ff", 16): numbers are written with decimal digits.`)
	case p.token(-1).Type == hclsyntax.TokenNumberLit && p.joined(0) && strings.HasPrefix(word, "_"):
		return p.error(-1, 0, "Write the digits without _.")
	case words[word] != "":
		return p.error(0, 0, "%s", words[word])
	}
	return nil
}

// prefixes are words that other languages write before an expression.
var prefixes = map[string]string{
	"not": "Write ! for not: !(a == b).", "if": "Write condition ? a : b.", "unless": "Write ! for not: !(a == b).",
	"typeof": "Values have no type to ask for: can(tonumber(x)) asks whether x is a number.", "new": `Text is written in quotes, and there are no objects to make.`,
	"lambda": "Functions cannot be written here. Write [for x in list : ...].", "select": "Write the path of the field: event.data.key.",
}

// prefix knows words before the place: HCL takes them for a name, and expects an operator after it.
func (p spot) prefix() *hcl.Diagnostic {
	word := p.word(-1)
	switch t := p.token(0).Type; {
	case word == "":
		return nil
	case t == hclsyntax.TokenOQuote && p.joined(0) && len(word) == 1:
		return p.error(-1, -1, `Write text in quotes alone: "a ${x}" has the value of x in it, and a backslash is written twice.`)
	case prefixes[word] != "" && (t == hclsyntax.TokenIdent || t == hclsyntax.TokenOParen || t == hclsyntax.TokenOQuote || t == hclsyntax.TokenNumberLit):
		return p.error(-1, -1, "%s", prefixes[word])
	}
	return nil
}

// methods are methods of values in other languages.
var methods = map[string]string{
	"includes": `strcontains(text, "part") for a text, and contains(list, x) for a list`, "contains": `strcontains(text, "part") for a text, and contains(list, x) for a list`,
	"startswith": `startswith(text, "a")`, "endswith": `endswith(text, "a")`, "matches": `can(regex("pattern", text))`, "match": `can(regex("pattern", text))`,
	"test": `can(regex("pattern", text))`, "indexof": `strcontains(text, "part")`, "tolowercase": "lower(text)", "touppercase": "upper(text)", "trim": "trimspace(text)",
	"strip": "trimspace(text)", "size": "length(x)", "length": "length(x)", "tostring": "tostring(x)", "get": "lookup(x, \"name\", null)", "has": `x.name != null`,
	"map": "[for x in list : ...]", "filter": "[for x in list : x if ...]", "some": "anytrue([for x in list : ...])", "every": "alltrue([for x in list : ...])",
	"any": "anytrue([for x in list : ...])", "all": "alltrue([for x in list : ...])", "exists": "anytrue([for x in list : ...])",
}

// method knows calls of methods: text.includes("x").
func (p spot) method() *hcl.Diagnostic {
	if p.token(0).Type != hclsyntax.TokenOParen || p.token(-2).Type != hclsyntax.TokenDot {
		return nil
	}
	form := methods[p.word(-1)]
	if form == "" {
		form = p.word(-1) + "(x, ...)"
	}
	return p.error(-1, -1, "Values have no methods. Write %s.", form)
}

// punctuation knows quotes, and signs that are no operators here.
func (p spot) punctuation() *hcl.Diagnostic {
	switch here := p.text(0); {
	case here == "'":
		return p.error(0, 0, `Write text in double quotes: "text".`)
	case here == "`":
		return p.error(0, 0, `Write text in double quotes, with the values in it as ${x}: "a ${x}".`)
	case here == ";":
		return p.error(0, 0, "Remove it: an expression ends with its line.")
	case here == "$", here == "@":
		return p.error(0, 0, "Write the name alone: event.data.key, var.name, local.name.")
	case here == "." && p.token(1).Type == hclsyntax.TokenNumberLit:
		return p.error(0, 1, "Write a digit before the point: 0.5.")
	case here == "." && p.token(1).Type == hclsyntax.TokenIdent:
		return p.error(0, 1, "Write the path from its beginning: event.%s.", strings.ReplaceAll("data."+p.text(1), "data.data", "data"))
	case p.token(-1).Type == hclsyntax.TokenDot && p.token(0).Type == hclsyntax.TokenOQuote:
		return p.error(-1, -1, `Write "${a}${b}" to join texts.`)
	case p.token(-1).Type == hclsyntax.TokenDot && here == "[":
		return p.error(-1, 0, "Write the index without a dot: list[0].")
	case here == "]" && p.text(-1) == "[":
		return p.error(-1, 0, "Write [*] for every item of a list, and [0] for its first.")
	case p.token(0).Type == hclsyntax.TokenNewline && isOperator(p.token(-1).Type), p.token(0).Type == hclsyntax.TokenNewline && p.text(-1) == "=":
		return p.error(-1, -1, "The expression ends with its line. Put one of several lines into parentheses: (a &&, line break, b).")
	}
	return nil
}

// statement knows what other languages write where a line begins.
func (p spot) statement() *hcl.Diagnostic {
	for p.at > 0 && !endsLine(p.token(-1)) && p.text(-1) != "{" {
		p.at--
	}
	switch word := p.word(0); {
	case p.text(0) == "-" && p.text(1) == "-":
		return p.error(0, 1, "A comment begins with # or //.")
	case isOperator(p.token(0).Type):
		return p.error(0, 0, "The expression ended with the line before. Put one of several lines into parentheses: (a, line break, && b).")
	case word == "if", word == "elif", word == "else", word == "unless", word == "switch", word == "match":
		return p.error(0, 0, "There are no statements. The condition of a rule is its attribute when, and a value is chosen by condition ? a : b.")
	case word == "for", word == "foreach", word == "while":
		return p.error(0, 0, "There are no statements. A rule with for_each is one for each item, and a list is made by [for x in list : ...].")
	case word == "let", word == "const", word == "var", word == "def", word == "func", word == "function":
		return p.error(0, 0, "A value gets its name in a block: locals { name = ... }.")
	case word != "" && p.text(1) == ":":
		return p.error(1, 1, "Write = between the name and the value.")
	}
	return nil
}
