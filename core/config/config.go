// Package config reads Pointsman's configuration: *.hcl files in, typed blocks, rule expressions and diagnostics out.
// It is the only parser of configuration files.
//
// Load checks everything that is known before the first event: names, settings, schemas, limits. core/rule compiles the parts that
// depend on an event: the `when` of a rule and the arguments of its dispatch blocks. All errors of all files are reported at once, and each error is reported once: a part with an error is left out
// of the Config, so that later checks do not repeat it.
package config

import (
	"context"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/pointsman/pointsman/core/journal"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Options are the inputs of Load besides the files.
type Options struct {
	// Sources holds the schema of a `source` block, by kind.
	Sources map[string]*pluginv1.Schema
	// MakeSource is called for each source block without errors, before the rules are read. It reports what is wrong with the
	// block by Source.Diagnose and returns the kind whose message event.data is; empty: the source's own. Nil: not called.
	MakeSource func(s *Source) (data string)
	// Describe describes the binary of a plugin. It is called once per binary. Nil: settings and arguments are not checked,
	// and Plugin.Description stays nil. So it is for a binary for which it returns ErrNotAsked.
	Describe func(ctx context.Context, p PluginRef) (*pluginv1.DescribeResponse, error)
	// Variables are values given on the command line (--var name=value). They win over POINTSMAN_VAR_name, which wins over
	// the default in the file.
	Variables map[string]string
	// Files, if not nil, are read instead of paths.
	Files []File
	// Env looks up environment variables. Nil: os.LookupEnv.
	Env func(string) (string, bool)
	// Offline is for checking a configuration on a machine that will not run it. A variable without a value, an environment variable
	// or a file that is not there is then a warning, and an unknown value: a setting that needs it is left out, and what only follows
	// from that is not reported. A source gets a random text for missing secrets, so that it can still decode events. In Scope the
	// value is unknown and has its type.
	Offline bool
}

// Config is the whole configuration. If Load reported errors it holds the parts without errors.
type Config struct {
	Server  Server
	Admin   Admin
	Journal Journal
	// PluginsDir is the folder of the pointsman-plugin-<kind> binaries, relative to the working directory.
	PluginsDir string
	// Sources, Plugins and Rules are in the order they are written.
	Sources []*Source
	Plugins []*Plugin
	Rules   []*Rule
	// Scope holds what expressions of rules may use: local, var, kb, mb, gb and the functions; everything but `event`. A value
	// that could not be determined is unknown in it, and its error is already reported.
	Scope *hcl.EvalContext
	// Files are the names of the files read, in the order read.
	Files []string

	files map[string]*file
}

// Server is the listener that sources are mounted on.
type Server struct {
	Listen string
	// MaxRequests is how many requests are served at the same time.
	MaxRequests int
	// TLS is nil for a server that speaks plain HTTP.
	TLS *TLS
	// TrustedProxies are the networks of proxies whose forwarding headers are believed.
	TrustedProxies []netip.Prefix
	// ProxyProtocol expects version 2 of the PROXY protocol on connections from TrustedProxies.
	ProxyProtocol bool
}

// Scheme is that of the sources' URLs.
func (s *Server) Scheme() string {
	if s.TLS != nil {
		return "https"
	}
	return "http"
}

// TLS is the certificate of the server. When the configuration was loaded, the files were readable and belonged together.
type TLS struct {
	CertFile, KeyFile string
	// MinVersion is one of crypto/tls's.
	MinVersion uint16
}

// Admin is the listener for health, metrics and the admin API.
type Admin struct {
	Listen string
	// Tokens admit requests from the network to the API; without any it is not served there. Some may be empty and admit nobody.
	Tokens Tokens
	// Socket is the path of the API's unix socket, as written; see Config.AdminSocket.
	Socket string
}

// AdminSocket is the path of the unix socket that the admin API is served on, relative to the working directory.
func (c *Config) AdminSocket() string {
	if c.Admin.Socket != "" {
		return c.Admin.Socket
	}
	return filepath.Join(filepath.Dir(c.Journal.Path), "admin.sock")
}

// Journal is the durable store.
type Journal struct {
	// Path is relative to the working directory.
	Path string
	// MaxBytes is the size at which the journal rejects new events.
	MaxBytes int64
	// Retention is how long settled events are kept.
	Retention time.Duration
	// DedupeWindow is how long the id of an event is remembered to detect duplicates.
	DedupeWindow time.Duration
}

// Source is a `source` block.
type Source struct {
	Kind, Name string
	// Data is the kind whose message event.data is: Kind, unless the settings choose another.
	Data string
	// Sensitive says that the content of its events must not be shown.
	Sensitive bool
	// Settings satisfies the kind's schema, defaults filled in. Nil when the block has errors.
	Settings Settings
	// DeclRange is the block's header.
	DeclRange hcl.Range

	origin origin
}

// PluginRef names a plugin's binary.
type PluginRef struct {
	Kind, Name string
	// Path of the binary: as written, or in PluginsDir.
	Path string
	// SHA256 is the expected hash of the binary, in lower-case hexadecimal, checked before each start; empty: not checked.
	SHA256 string
}

// Plugin is a `plugin` block.
type Plugin struct {
	PluginRef
	// Concurrency is how many deliveries may be under way; 0: as many as the plugin announces.
	Concurrency int
	Rate        Rate
	// Timeout of one attempt, unless the dispatch block sets another.
	Timeout time.Duration
	// Env names the environment variables that the process may see.
	Env []string
	// TLS between router and plugin; nil: the router's choice.
	TLS *bool
	// Settings satisfies Description.Settings, defaults filled in. Nil when the block has errors or Description is nil.
	Settings Settings
	// Description is the description of the binary; nil when it could not be read or was rejected.
	Description *pluginv1.DescribeResponse
	// DeclRange is the block's header.
	DeclRange hcl.Range

	origin origin
}

// Rate is at most N deliveries in any Per; the zero Rate is no limit.
type Rate struct {
	N   int
	Per time.Duration
}

// Rule is a `rule` block, or what a block with for_each makes for one item.
type Rule struct {
	// Name is unique: the block's, with for_each followed by the key: team["eu"], or the index: team[0].
	Name string
	// Block is the label of the block.
	Block       string
	Description string
	// Enabled is false for a rule that is checked and not used.
	Enabled bool
	// Shadow is set for a rule that is evaluated and counted and delivers nothing.
	Shadow bool
	// Fallback is set for a rule that is used for events that no other rule of their source matched.
	Fallback bool
	// Sample is the share of the matching events that the rule takes: more than 0, and 1 for all.
	Sample float64
	On     []*Source
	// Scope is what the expressions of the rule may use besides event: Config.Scope, with for_each a child of it that has each.
	Scope *hcl.EvalContext
	// When is nil when it is missing or has an error; either is reported.
	When hcl.Expression
	// Dispatches are those without an error in their own block; see Dispatch.Index.
	Dispatches []*Dispatch
	// DeclRange is the block's header, Range the whole block.
	DeclRange, Range hcl.Range

	each cty.Value // cty.NilVal without for_each
}

// Dispatch is a `dispatch` block of a rule.
type Dispatch struct {
	Plugin *Plugin
	// Index is the block's place among the dispatch blocks of its rule, from 0.
	Index int
	// Arguments and Blocks are checked against Plugin.Description.Arguments as far as names go: all are known, all required
	// ones are written, none that may be written once is written twice. They are not checked when Description is nil.
	// An argument that has an error is left out.
	Arguments hcl.Attributes
	Blocks    []*ArgumentBlock
	// OrderBy is nil when deliveries need no order.
	OrderBy     hcl.Expression
	Description string
	// Policy has the defaults filled in.
	Policy journal.Policy
	// DeclRange is the block's header.
	DeclRange hcl.Range
}

// ArgumentBlock is a block of a plugin's arguments.
type ArgumentBlock struct {
	Name      string
	Arguments hcl.Attributes
	Blocks    []*ArgumentBlock
	// DeclRange is the block's header.
	DeclRange hcl.Range
}

// Text returns what is written at a range, for errors that appear long after the files were read. Literals that may be secrets
// are overwritten in it. It is empty for a range outside of the files.
func (c *Config) Text(rng hcl.Range) string {
	if f := c.files[rng.Filename]; f != nil {
		return f.slice(rng)
	}
	return ""
}
