package config

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/pointsman/pointsman/core/journal"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// The schemas of the router's own blocks, in the same form as those of plugins.
var (
	serverSchema = withBlocks(schemaOf(
		text("listen", "127.0.0.1:8080", "Address that serves the sources."),
		number("max_requests", 512, "Requests served at the same time."),
		optional("trusted_proxies", pluginv1.Type_TYPE_STRING_LIST, `Networks of reverse proxies, such as "10.0.0.0/8". Requests from them have the client address and scheme of X-Forwarded-For and X-Forwarded-Proto, or Forwarded.`),
		withDefault("proxy_protocol", pluginv1.Type_TYPE_BOOL, false, "Expect version 2 of the PROXY protocol on connections from trusted_proxies."),
	), &pluginv1.Block{Name: "tls", Schema: tlsSchema, Doc: "Serve TLS. Without it, put a TLS proxy in front of a listener that the network can reach."})
	tlsSchema = schemaOf(
		&pluginv1.Attribute{Name: "cert_file", Type: pluginv1.Type_TYPE_STRING, Required: true, Doc: "File with the certificate and its issuers (PEM). A renewed file is loaded without a restart."},
		&pluginv1.Attribute{Name: "key_file", Type: pluginv1.Type_TYPE_STRING, Required: true, Doc: "File with the private key (PEM)."},
		text("min_version", "1.2", "Lowest TLS version: 1.2 or 1.3."),
	)
	adminSchema = schemaOf(
		text("listen", "127.0.0.1:8081", "Address of health and metrics, and of the admin API if there are tokens."),
		&pluginv1.Attribute{Name: "tokens", Type: pluginv1.Type_TYPE_STRING_LIST, Sensitive: true, Doc: "Bearer tokens for the admin API on listen. Without any it is only on the unix socket."},
		optional("socket", pluginv1.Type_TYPE_STRING, "Path of the admin API's unix socket. Default: admin.sock in the folder of journal.path."),
	)
	journalSchema = schemaOf(
		text("path", "data/journal.db", "The journal's file, relative to the working directory."),
		text("max_bytes", "10GiB", `Size at which new events are rejected, such as "10GiB".`),
		duration("retention", "168h", "How long settled events are kept."),
		duration("dedupe_window", "24h", "Time in which an event with the same id is a duplicate."),
	)
	pluginsSchema = schemaOf(
		text("dir", "bin", "Folder of the pointsman-plugin-<kind> binaries, relative to the working directory."),
	)
	variableSchema = schemaOf(
		&pluginv1.Attribute{Name: "default", Type: pluginv1.Type_TYPE_ANY, Doc: "Value if none is set from outside."},
		optional("description", pluginv1.Type_TYPE_STRING, "Purpose of the variable."),
		optional("sensitive", pluginv1.Type_TYPE_BOOL, "Never show the value."),
		optional("type", pluginv1.Type_TYPE_ANY, "string, number, bool or list, without quotes."),
	)
	// sourceSchema holds the router's own attributes of a source block. Its others are those of its kind.
	sourceSchema = schemaOf(
		optional("sensitive", pluginv1.Type_TYPE_BOOL, "Show the content of its events (body, data, attributes) to nobody but plugins."),
	)
	// pluginSchema has the settings block by name only: its content follows the plugin's schema.
	pluginSchema = withBlocks(schemaOf(
		optional("path", pluginv1.Type_TYPE_STRING, "The binary, relative to the working directory."),
		optional("sha256", pluginv1.Type_TYPE_STRING, "Expected SHA-256 of the binary."),
		number("concurrency", 0, "Deliveries in flight at the same time; 0: the plugin's own limit."),
		optional("rate", pluginv1.Type_TYPE_STRING, `Rate limit of deliveries: "1/s", "30/m".`),
		duration("timeout", short(journal.DefaultPolicy.Timeout), "Timeout of one attempt."),
		optional("env", pluginv1.Type_TYPE_STRING_LIST, "Names of environment variables passed to the plugin."),
		optional("tls", pluginv1.Type_TYPE_BOOL, "Use TLS between router and plugin."),
	), &pluginv1.Block{Name: "settings", Doc: "The plugin's own settings."})
	// dispatchSchema holds the router's own attributes of a dispatch block; see schema.ReservedArguments.
	dispatchSchema = withBlocks(schemaOf(
		optional("timeout", pluginv1.Type_TYPE_DURATION, "Timeout of one attempt."),
		optional("description", pluginv1.Type_TYPE_STRING, "Purpose of the dispatch."),
		optional("order_by", pluginv1.Type_TYPE_STRING, "Key of ordered deliveries: those with the same value are delivered one at a time."),
	), &pluginv1.Block{Name: "retry", Schema: retrySchema, Doc: "Retry policy."})
	retrySchema = schemaOf(
		number("max_attempts", 0, "Attempts before the delivery becomes a dead letter; 0: no limit."),
		duration("max_age", short(journal.DefaultPolicy.MaxAge), "Age at which the delivery becomes a dead letter."),
		duration("min_backoff", short(journal.DefaultPolicy.MinBackoff), "Pause after the first attempt."),
		duration("max_backoff", short(journal.DefaultPolicy.MaxBackoff), "Longest pause between attempts."),
	)
	ruleSchema = withBlocks(schemaOf(
		optional("description", pluginv1.Type_TYPE_STRING, "Purpose of the rule."),
		&pluginv1.Attribute{Name: "on", Type: pluginv1.Type_TYPE_STRING_LIST, Required: true, Doc: "Names of sources."},
		&pluginv1.Attribute{Name: "when", Type: pluginv1.Type_TYPE_BOOL, Required: true, Doc: "Condition on the event."},
		withDefault("enabled", pluginv1.Type_TYPE_BOOL, true, "false: the rule is checked and not used."),
		&pluginv1.Attribute{
			Name: "mode", Type: pluginv1.Type_TYPE_STRING, DefaultJson: `"live"`, OneOf: []string{"live", "shadow"},
			Doc: "shadow: the rule is evaluated and counted, and delivers nothing.",
		},
		optional("sample", pluginv1.Type_TYPE_NUMBER, "Share of the matching events that the rule takes, more than 0 and at most 1, chosen by the event's id."),
		withDefault("fallback", pluginv1.Type_TYPE_BOOL, false, "true: the rule is used for events that no other rule of their source matched."),
		optional("for_each", pluginv1.Type_TYPE_ANY, "A list or map: one rule for each item, with each.key and each.value in its expressions."),
	), &pluginv1.Block{Name: "dispatch", Required: true, Many: true, Doc: "A plugin that the event is delivered to."})
)

func schemaOf(attributes ...*pluginv1.Attribute) *pluginv1.Schema {
	return &pluginv1.Schema{Attributes: attributes}
}

func withBlocks(s *pluginv1.Schema, blocks ...*pluginv1.Block) *pluginv1.Schema {
	s.Blocks = blocks
	return s
}

func optional(name string, t pluginv1.Type, doc string) *pluginv1.Attribute {
	return &pluginv1.Attribute{Name: name, Type: t, Doc: doc}
}

func text(name, value, doc string) *pluginv1.Attribute {
	return withDefault(name, pluginv1.Type_TYPE_STRING, value, doc)
}

func duration(name, value, doc string) *pluginv1.Attribute {
	return withDefault(name, pluginv1.Type_TYPE_DURATION, value, doc)
}

func number(name string, value int, doc string) *pluginv1.Attribute {
	return withDefault(name, pluginv1.Type_TYPE_NUMBER, value, doc)
}

func withDefault(name string, t pluginv1.Type, value any, doc string) *pluginv1.Attribute {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err) // a string or an int
	}
	return &pluginv1.Attribute{Name: name, Type: t, DefaultJson: string(b), Doc: doc}
}

// The values of an object's attributes. One that is absent or in error is the zero value.

func (o *object) text(name string) string {
	if f, ok := o.fields[name]; ok {
		return f.value.AsString()
	}
	return ""
}

func (o *object) texts(name string) []string {
	f, ok := o.fields[name]
	if !ok {
		return nil
	}
	list := []string{}
	for _, v := range f.value.AsValueSlice() {
		list = append(list, v.AsString())
	}
	return list
}

func (o *object) duration(name string) time.Duration {
	d, err := ParseDuration(o.text(name))
	if err != nil {
		return 0 // absent: what is written was checked by the schema's type
	}
	return d
}

func (o *object) boolean(name string) *bool {
	f, ok := o.fields[name]
	if !ok || f.value.Type() != cty.Bool {
		return nil
	}
	b := f.value.True()
	return &b
}

func (o *object) isTrue(name string) bool {
	b := o.boolean(name)
	return b != nil && *b
}

// whole reads a whole number from least to most.
func (l *loader) whole(o *object, name string, least, most int64) int64 {
	f, ok := o.fields[name]
	if !ok {
		return 0
	}
	n, accuracy := f.value.AsBigFloat().Int64()
	if accuracy != 0 || n < least || n > most {
		l.error(f.rng, "Invalid value", fmt.Sprintf("%q must be a whole number from %d to %d.", name, least, most))
		return 0
	}
	return n
}

// parsed parses the string in an attribute.
func parsed[T any](l *loader, o *object, name string, parse func(string) (T, error)) T {
	var none T
	f, ok := o.fields[name]
	if !ok {
		return none
	}
	v, err := parse(f.value.AsString())
	if err != nil {
		l.error(f.rng, "Invalid value", fmt.Sprintf("%q: %s.", name, err))
		return none
	}
	return v
}
