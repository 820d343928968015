package rule

import (
	"context"
	"fmt"

	"github.com/pointsman/pointsman/core/config"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// testOptions is a world with all kinds of sources and two kinds of plugins.
func testOptions() config.Options {
	none := &pluginv1.Schema{}
	return config.Options{
		Sources:  map[string]*pluginv1.Schema{"intdash": none, "s3": none, "sns": none, "websocket": none, "custom": none},
		Describe: describe,
		Env:      func(name string) (string, bool) { return "hunter2", name == "SECRET" },
	}
}

func describe(_ context.Context, p config.PluginRef) (*pluginv1.DescribeResponse, error) {
	arguments := map[string]*pluginv1.Schema{"note": noteArguments, "all": allArguments, "secretive": secretiveArguments}[p.Kind]
	if arguments == nil {
		return nil, fmt.Errorf("no plugin %q", p.Kind)
	}
	return &pluginv1.DescribeResponse{Name: p.Kind, Settings: &pluginv1.Schema{}, Arguments: arguments}, nil
}

var noteArguments = &pluginv1.Schema{Attributes: []*pluginv1.Attribute{
	{Name: "text", Type: pluginv1.Type_TYPE_STRING, Required: true},
	{Name: "channel", Type: pluginv1.Type_TYPE_STRING, DefaultJson: `"#general"`},
	{Name: "letter", Type: pluginv1.Type_TYPE_STRING, Template: true},
}}

// allArguments has every type of attribute and block.
var allArguments = &pluginv1.Schema{
	Attributes: []*pluginv1.Attribute{
		{Name: "string", Type: pluginv1.Type_TYPE_STRING},
		{Name: "number", Type: pluginv1.Type_TYPE_NUMBER},
		{Name: "bool", Type: pluginv1.Type_TYPE_BOOL},
		{Name: "wait", Type: pluginv1.Type_TYPE_DURATION},
		{Name: "strings", Type: pluginv1.Type_TYPE_STRING_LIST},
		{Name: "map", Type: pluginv1.Type_TYPE_STRING_MAP},
		{Name: "any", Type: pluginv1.Type_TYPE_ANY},
		{Name: "mode", Type: pluginv1.Type_TYPE_STRING, OneOf: []string{"plain", "markdown"}},
		{Name: "level", Type: pluginv1.Type_TYPE_NUMBER, OneOf: []string{"1", "2"}, DefaultJson: `1`},
		{Name: "tags", Type: pluginv1.Type_TYPE_STRING_LIST, OneOf: []string{"red", "blue"}},
	},
	Blocks: []*pluginv1.Block{
		{Name: "header", Many: true, Schema: &pluginv1.Schema{Attributes: []*pluginv1.Attribute{
			{Name: "name", Type: pluginv1.Type_TYPE_STRING, Required: true},
			{Name: "value", Type: pluginv1.Type_TYPE_STRING, DefaultJson: `""`},
		}}},
		{Name: "limit", Schema: &pluginv1.Schema{Attributes: []*pluginv1.Attribute{
			{Name: "n", Type: pluginv1.Type_TYPE_NUMBER, Required: true},
		}}},
	},
}

var secretiveArguments = &pluginv1.Schema{
	Attributes: []*pluginv1.Attribute{
		{Name: "token", Type: pluginv1.Type_TYPE_STRING, Sensitive: true},
		{Name: "text", Type: pluginv1.Type_TYPE_STRING},
	},
	Blocks: []*pluginv1.Block{{Name: "auth", Schema: &pluginv1.Schema{
		Attributes: []*pluginv1.Attribute{{Name: "user", Type: pluginv1.Type_TYPE_STRING}, {Name: "password", Type: pluginv1.Type_TYPE_STRING, Sensitive: true}},
		Blocks: []*pluginv1.Block{{Name: "inner", Schema: &pluginv1.Schema{Attributes: []*pluginv1.Attribute{
			{Name: "key", Type: pluginv1.Type_TYPE_STRING, Sensitive: true},
		}}}},
	}}},
}
