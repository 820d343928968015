package config

import (
	"encoding/base64"
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var encodingFunctions = []FunctionDoc{
	{
		Signature: "jsonencode(x)", Doc: "Encodes the value as JSON text.", impl: stdlib.JSONEncodeFunc,
		Examples: []FunctionExample{{`jsonencode({ a = [1, "b", null] })`, `"{\"a\":[1,\"b\",null]}"`}},
	},
	{
		Signature: "jsondecode(s)", Doc: "Parses JSON text.", impl: jsonDecodeFunc,
		Examples: []FunctionExample{{`jsondecode("{\"a\":[1]}").a[0]`, `1`}},
	},
	{
		Signature: "yamldecode(s)", Doc: "Parses one document of YAML: at most 256 KiB and 100,000 values, with aliases written out.", impl: yamlDecodeFunc,
		Examples: []FunctionExample{{`yamldecode("name: web\nports: [80, 443]")`, `{ name = "web", ports = [80, 443] }`}},
	},
	{
		Signature: "csvdecode(s)", Doc: "Parses CSV text (RFC 4180) of at most 1 MiB into a list of objects. The first line names the members, and all values are strings.", impl: checked(stdlib.CSVDecodeFunc, checkCSV), Returns: "list",
		Examples: []FunctionExample{{`csvdecode("name,team\nweb-1,ops\n")`, `[{ name = "web-1", team = "ops" }]`}},
	},
	{
		Signature: "base64encode(s)", Doc: "Encodes the string in standard base64.",
		impl: textFunc(cty.String, 1, func(a []string) (cty.Value, error) {
			return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(a[0]))), nil
		}),
		Examples: []FunctionExample{{`base64encode("héllo")`, `"aMOpbGxv"`}},
	},
	{
		Signature: "base64decode(s)", Doc: "Decodes standard base64 to a UTF-8 string.", impl: textFunc(cty.String, 1, base64Decode),
		Examples: []FunctionExample{{`base64decode("aMOpbGxv")`, `"héllo"`}},
	},
	{
		Signature: "urlencode(s)", Doc: "Escapes the string for use in the query of a URL.",
		impl:     textFunc(cty.String, 1, func(a []string) (cty.Value, error) { return cty.StringVal(url.QueryEscape(a[0])), nil }),
		Examples: []FunctionExample{{`urlencode("a b&c=é")`, `"a+b%26c%3D%C3%A9"`}},
	},
	{
		Signature: "urldecode(s)", Doc: "Undoes the escapes of urlencode.", impl: textFunc(cty.String, 1, urlDecode),
		Examples: []FunctionExample{{`urldecode("a+b%26c%3D%C3%A9")`, `"a b&c=é"`}},
	},
	{
		Signature: "urlparse(s)", Doc: "Takes a URL apart. The port is null when there is none; query holds the first value of each parameter. User and password are left out.", impl: textFunc(cty.DynamicPseudoType, 1, urlParse), Returns: "object",
		Examples: []FunctionExample{
			{`urlparse("https://example.com:8443/a/b?page=2#top")`, `{ scheme = "https", host = "example.com", port = 8443, path = "/a/b", query = { page = "2" }, fragment = "top" }`},
			{`urlparse("s3://media/img/a.png").host`, `"media"`},
		},
	},
	{
		Signature: "htmlescape(s)", Doc: `Escapes <, >, &, ' and " for use in HTML.`,
		impl:     textFunc(cty.String, 1, func(a []string) (cty.Value, error) { return cty.StringVal(html.EscapeString(a[0])), nil }),
		Examples: []FunctionExample{{`htmlescape("<b>R&D</b>")`, `"&lt;b&gt;R&amp;D&lt;/b&gt;"`}},
	},
}

// maxDecodeBytes bounds a text to decode; parsing takes much more memory than its text.
const maxDecodeBytes = 1 << 20

func checkCSV(args []cty.Value) error {
	if len(knownText(args[0])) > maxDecodeBytes {
		return function.NewArgErrorf(0, "more than 1 MiB of CSV")
	}
	return nil
}

func base64Decode(a []string) (cty.Value, error) {
	b, err := base64.StdEncoding.DecodeString(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "not standard base64")
	}
	return textOf(string(b))
}

func urlDecode(a []string) (cty.Value, error) {
	s, err := url.QueryUnescape(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "a %% must be followed by two hexadecimal digits")
	}
	return textOf(s)
}

func textOf(s string) (cty.Value, error) {
	if !utf8.ValidString(s) {
		return cty.NilVal, errNotUTF8
	}
	return cty.StringVal(s), nil
}

var errNotUTF8 = function.NewArgErrorf(0, "the decoded text is not UTF-8")

func urlParse(a []string) (cty.Value, error) {
	if strings.Count(a[0], "&") > maxQuery {
		return cty.NilVal, function.NewArgErrorf(0, "a URL may have at most %d parameters", maxQuery)
	}
	u, err := url.Parse(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "not a URL")
	}
	params, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "the query of the URL is not valid")
	}
	port := cty.NullVal(cty.Number)
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		port = cty.NumberUIntVal(n)
	}
	if !utf8.ValidString(u.Host + u.Path + u.Fragment) {
		return cty.NilVal, errNotUTF8
	}
	query := map[string]cty.Value{}
	for name, values := range params {
		if !utf8.ValidString(name + values[0]) {
			return cty.NilVal, errNotUTF8
		}
		query[name] = cty.StringVal(values[0])
	}
	return cty.ObjectVal(map[string]cty.Value{
		"scheme": cty.StringVal(u.Scheme), "host": cty.StringVal(u.Hostname()), "port": port, "path": cty.StringVal(u.Path),
		"query": cty.ObjectVal(query), "fragment": cty.StringVal(u.Fragment),
	}), nil
}

const maxQuery = 1000
