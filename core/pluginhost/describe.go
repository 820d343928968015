package pluginhost

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

const (
	describeTimeout = 10 * time.Second
	maxDescription  = 1 << 20
)

// descriptions caches descriptions by the hash of the program: a program always gives the same one.
var descriptions sync.Map // sha256 -> *pluginv1.DescribeResponse

// Describe runs a plugin's program with the argument "describe" and returns its description. It uses Name, Kind, Path, SHA256
// and Env of spec. The result is cached and shared: callers must not change it. Errors are StartErrors.
func Describe(ctx context.Context, spec Spec) (*pluginv1.DescribeResponse, error) {
	bin, err := inspect(spec)
	if err != nil {
		return nil, err
	}
	desc, ok := loadDescription(bin.sha256)
	if !ok {
		ctx, cancel := context.WithTimeout(ctx, describeTimeout)
		defer cancel()
		if desc, err = runDescribe(ctx, spec, bin.path); err != nil {
			return nil, err
		}
		descriptions.Store(bin.sha256, desc)
	}
	return desc, checkDescription(spec, desc)
}

func loadDescription(sha256 string) (*pluginv1.DescribeResponse, bool) {
	v, ok := descriptions.Load(sha256)
	if !ok {
		return nil, false
	}
	return v.(*pluginv1.DescribeResponse), true
}

// runDescribe runs `<path> describe` and decodes its answer.
func runDescribe(ctx context.Context, spec Spec, path string) (*pluginv1.DescribeResponse, error) {
	cmd := exec.Command(path, handshake.ArgDescribe)
	cmd.Env = hostEnvironment(spec.Env)
	proc, err := startProcess(cmd)
	if err != nil {
		return nil, execError(spec, err)
	}
	stop := context.AfterFunc(ctx, proc.kill)
	defer stop()

	var last tail
	var readers sync.WaitGroup
	readers.Go(func() { eachLine(proc.stderr, func(line []byte, _ bool) { last.add(line) }) })
	out, _ := io.ReadAll(io.LimitReader(proc.stdout, maxDescription+1)) // ends with the process, cleanly or not
	if len(out) > maxDescription {
		proc.kill()
	}
	<-proc.exited
	readers.Wait()

	desc := new(pluginv1.DescribeResponse)
	detail, reason := decodeDescription(ctx, proc, out, desc)
	if reason == nil {
		return desc, nil
	}
	if cancelled(ctx) {
		return nil, ctx.Err()
	}
	return nil, &StartError{
		Plugin: spec.Name, Path: spec.Path, Reason: reason,
		Detail: fmt.Sprintf("\"%s %s\" %s", spec.Path, handshake.ArgDescribe, detail),
		Output: last.excerpt(),
	}
}

// decodeDescription decodes the output of `describe`, or returns what is wrong with it and which of the package's errors it is.
func decodeDescription(ctx context.Context, proc *process, out []byte, into *pluginv1.DescribeResponse) (detail string, reason error) {
	switch {
	case len(out) > maxDescription:
		return fmt.Sprintf("printed more than %d bytes", maxDescription), ErrContract
	case ctx.Err() != nil:
		return fmt.Sprintf("did not answer within %s", describeTimeout), ErrTimeout
	case !proc.state.Success():
		return proc.status(), ErrExited
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(out, into); err != nil {
		return fmt.Sprintf("printed %s where a DescribeResponse in JSON was expected: %v", shorten(string(out)), err), ErrContract
	}
	return "", nil
}

// checkDescription refuses a plugin of another kind, and one whose arguments use names that a dispatch block reserves.
func checkDescription(spec Spec, desc *pluginv1.DescribeResponse) error {
	fail := func(format string, args ...any) error {
		return &StartError{Plugin: spec.Name, Path: spec.Path, Reason: ErrContract, Detail: fmt.Sprintf(format, args...)}
	}
	if spec.Kind != "" && desc.GetName() != spec.Kind {
		return fail("%s is a plugin of kind %s, but the configuration expects %q: correct the path or the kind", spec.Path, shorten(desc.GetName()), spec.Kind)
	}
	for _, name := range schema.ReservedArguments() {
		if hasArgument(desc.GetArguments(), name) {
			return fail("%s has an argument %q, which the router reserves for every dispatch block: rename the argument in the plugin", spec.Path, name)
		}
	}
	return nil
}

func hasArgument(s *pluginv1.Schema, name string) bool {
	for _, a := range s.GetAttributes() {
		if a.GetName() == name {
			return true
		}
	}
	for _, b := range s.GetBlocks() {
		if b.GetName() == name {
			return true
		}
	}
	return false
}

// Check starts the plugin, has it check its settings and stops it. It returns the plugin's diagnostics, or a StartError if the
// plugin does not start or does not answer.
func Check(ctx context.Context, spec Spec, o Options) ([]*pluginv1.Diagnostic, error) {
	inst, err := startInstance(ctx, spec, o, defaultTiming, new(history))
	if err != nil {
		return nil, err
	}
	diags, err := inst.configure(ctx, true)
	if err != nil {
		return nil, err
	}
	inst.fail(reasonStop, "was stopped")
	inst.leave()
	return diags, nil
}
