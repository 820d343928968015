package sdk

import (
	"errors"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Diagnostic is something wrong with the settings.
type Diagnostic = schema.Diagnostic

// Diagnostics collects what Plugin.Check finds.
type Diagnostics = schema.Diagnostics

func diagnosticProto(d Diagnostic, clean func(string) string) *pluginv1.Diagnostic {
	severity := pluginv1.Diagnostic_SEVERITY_ERROR
	if d.Warning {
		severity = pluginv1.Diagnostic_SEVERITY_WARNING
	}
	return &pluginv1.Diagnostic{Severity: severity, Path: d.Path, Summary: clean(d.Summary), Detail: clean(d.Detail)}
}

// diagnose turns an error of schema or of New into diagnostics.
func diagnose(err error) []Diagnostic {
	if fromSchema, ok := errors.AsType[*schema.Error](err); ok {
		var ds []Diagnostic
		for _, p := range fromSchema.Problems {
			ds = append(ds, Diagnostic{Path: p.Path, Summary: p.Text})
		}
		return ds
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the joined errors are handled one by one
		var ds []Diagnostic
		for _, e := range joined.Unwrap() {
			ds = append(ds, diagnose(e)...)
		}
		return ds
	}
	if d, ok := errors.AsType[Diagnostic](err); ok {
		return []Diagnostic{d}
	}
	return []Diagnostic{{Summary: err.Error()}}
}

func anyError(ds []Diagnostic) bool {
	for _, d := range ds {
		if !d.Warning {
			return true
		}
	}
	return false
}
