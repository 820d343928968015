package sdk

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// writeHelp prints the plugin's purpose, a sample configuration, and its settings, arguments and commands.
func writeHelp(w io.Writer, d *pluginv1.DescribeResponse, commands []Command) {
	program := handshake.FilePrefix + d.GetName()
	fmt.Fprintf(w, "%s %s\n%s\n\n", program, d.GetVersion(), d.GetDoc())
	fmt.Fprintf(w, "A plugin of Pointsman. The router starts it when a configuration has such blocks:\n\n%s\n", sample(d))
	writeSchema(w, "Settings (in the block `settings` of the plugin)", d.GetSettings())
	writeSchema(w, "Arguments (in the `dispatch` block of a rule; they may use the event)", d.GetArguments())
	fmt.Fprintf(w, "Commands\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, c := range commands {
		fmt.Fprintf(t, "  %s\t%s\n", c.Name, c.Doc)
	}
	fmt.Fprintf(t, "  describe\tprints the plugin's description and schemas as JSON\n")
	fmt.Fprintf(t, "  version\tprints the version\n")
	fmt.Fprintf(t, "  help\tprints this\n")
	_ = t.Flush()
}

func writeSchema(w io.Writer, title string, s *pluginv1.Schema) {
	fmt.Fprintf(w, "%s\n\n", title)
	if len(s.GetAttributes())+len(s.GetBlocks()) == 0 {
		fmt.Fprintf(w, "  none\n\n")
		return
	}
	writeEntries(w, "", s)
	fmt.Fprintln(w)
}

func writeEntries(w io.Writer, path string, s *pluginv1.Schema) {
	for _, a := range s.GetAttributes() {
		writeEntry(w, path+a.GetName(), describeAttribute(a), a.GetDoc())
	}
	for _, b := range s.GetBlocks() {
		kind := "block"
		if b.GetMany() {
			kind = "block, may be written many times"
		}
		if b.GetRequired() {
			kind += ", required"
		}
		writeEntry(w, path+b.GetName(), kind, b.GetDoc())
		writeEntries(w, path+b.GetName()+".", b.GetSchema())
	}
}

func writeEntry(w io.Writer, name, kind, doc string) {
	fmt.Fprintf(w, "  %s: %s\n", name, kind)
	if doc != "" {
		fmt.Fprintf(w, "      %s\n", doc)
	}
}

func describeAttribute(a *pluginv1.Attribute) string {
	parts := []string{typeName(a.GetType())}
	if len(a.GetOneOf()) > 0 {
		parts[0] += " (" + strings.Join(a.GetOneOf(), " | ") + ")"
	}
	if a.GetTemplate() {
		parts = append(parts, "template")
	}
	if a.GetRequired() {
		parts = append(parts, "required")
	}
	if a.GetSensitive() {
		parts = append(parts, "secret")
	}
	if d := a.GetDefaultJson(); d != "" {
		parts = append(parts, "default "+d)
	}
	return strings.Join(parts, ", ")
}

func typeName(t pluginv1.Type) string {
	switch t {
	case pluginv1.Type_TYPE_STRING_LIST:
		return "list of strings"
	case pluginv1.Type_TYPE_STRING_MAP:
		return "map of strings"
	}
	return strings.ToLower(strings.TrimPrefix(t.String(), "TYPE_"))
}

// sample is a configuration with the required settings and arguments only.
func sample(d *pluginv1.DescribeResponse) string {
	var b strings.Builder
	name := "my-" + d.GetName()
	fmt.Fprintf(&b, "  plugin %q %q {\n", d.GetName(), name)
	if settings := required(d.GetSettings(), "      ", d.GetName()); settings != "" {
		fmt.Fprintf(&b, "    settings {\n%s    }\n", settings)
	}
	fmt.Fprintf(&b, "  }\n\n  rule \"everything\" {\n    on   = [\"my-source\"]\n    when = true\n\n")
	fmt.Fprintf(&b, "    dispatch %q {\n%s    }\n  }\n", name, required(d.GetArguments(), "      ", d.GetName()))
	return b.String()
}

func required(s *pluginv1.Schema, indent, kind string) string {
	width := 0
	for _, a := range s.GetAttributes() {
		if a.GetRequired() {
			width = max(width, len(a.GetName()))
		}
	}
	var b strings.Builder
	for _, a := range s.GetAttributes() {
		if a.GetRequired() {
			fmt.Fprintf(&b, "%s%-*s = %s\n", indent, width, a.GetName(), placeholder(a, kind))
		}
	}
	for _, block := range s.GetBlocks() {
		if block.GetRequired() {
			fmt.Fprintf(&b, "%s%s {\n%s%s}\n", indent, block.GetName(), required(block.GetSchema(), indent+"  ", kind), indent)
		}
	}
	return b.String()
}

// placeholder returns a value of the attribute's type for the sample; for a secret, env("...").
func placeholder(a *pluginv1.Attribute, kind string) string {
	text := `"..."`
	switch {
	case len(a.GetOneOf()) > 0:
		text = fmt.Sprintf("%q", a.GetOneOf()[0])
	case a.GetSensitive():
		text = fmt.Sprintf("env(%q)", strings.ToUpper(strings.ReplaceAll(kind+"_"+a.GetName(), "-", "_")))
	}
	switch a.GetType() {
	case pluginv1.Type_TYPE_NUMBER:
		return "1"
	case pluginv1.Type_TYPE_BOOL:
		return "true"
	case pluginv1.Type_TYPE_DURATION:
		return `"1m"`
	case pluginv1.Type_TYPE_STRING_LIST:
		return "[" + text + "]"
	case pluginv1.Type_TYPE_STRING_MAP:
		return "{ name = " + text + " }"
	}
	return text
}
