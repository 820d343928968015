package app

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/pluginhost"
	"github.com/pointsman/pointsman/core/reference"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// maxReferencePlugins bounds how many programs of a folder are asked for their schemas.
const maxReferencePlugins = 100

// Reference describes the configuration language, with the plugins whose programs are in a folder; "" is none. The errors are about
// programs that could not be asked and are left out.
func Reference(ctx context.Context, pluginsDir string) (*reference.Model, []error) {
	var p reference.Parts
	for _, k := range sourceKinds(prometheus.NewRegistry()) {
		p.Sources = append(p.Sources, reference.SourceKind{Name: k.Name, Doc: k.Doc, Schema: k.Schema})
	}
	var failed []error
	for _, kind := range PluginKinds(pluginsDir) {
		d, err := pluginhost.Describe(ctx, pluginhost.Spec{Name: kind, Kind: kind, Path: filepath.Join(pluginsDir, config.ProgramPrefix+kind)})
		if err != nil {
			failed = append(failed, err)
			continue
		}
		p.Plugins = append(p.Plugins, d)
	}
	return reference.New(p), failed
}

// Checker reads configurations for an editor, which gives the texts of all their files. It reads them offline. Of plugins only the
// programs in pluginsDir are asked, whatever path a file names: to open a file must not run a program that came with it.
func Checker(pluginsDir string) func(ctx context.Context, files []config.File) (*config.Config, *config.Diagnostics) {
	installed := func(ctx context.Context, p config.PluginRef) (*pluginv1.DescribeResponse, error) {
		if !slices.Contains(PluginKinds(pluginsDir), p.Kind) {
			return nil, config.ErrNotAsked
		}
		return pluginhost.Describe(ctx, pluginhost.Spec{Name: p.Name, Kind: p.Kind, Path: filepath.Join(pluginsDir, config.ProgramPrefix+p.Kind)})
	}
	return func(ctx context.Context, files []config.File) (*config.Config, *config.Diagnostics) {
		p := loadWith(ctx, Options{Paths: []string{"."}, Files: files, Offline: true}, offlineSources(), installed)
		return p.config, p.diags
	}
}

// PluginKinds are the kinds of the programs in a folder, in order. It is empty for a folder that cannot be read.
func PluginKinds(dir string) (kinds []string) {
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if kind, ok := strings.CutPrefix(e.Name(), config.ProgramPrefix); ok && len(kinds) < maxReferencePlugins {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
