package pluginhost

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/go-plugin"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// TestMain makes the test binary a plugin, good or evil, when it is run under the name pointsman-plugin-<mode>, and a host
// of one when it is run as pointsman-host.
func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	if mode, ok := strings.CutPrefix(name, handshake.FilePrefix); ok {
		pluginMain(mode)
		return
	}
	switch name {
	case "pointsman-host":
		hostMain()
		return
	case "sleeper":
		select {} // a grandchild that nothing but a signal ends
	}
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	goleak.VerifyTestMain(m)
}

// program returns the path of a plugin of that mode.
func program(tb testing.TB, mode string) string {
	tb.Helper()
	return link2self(tb, handshake.FilePrefix+mode)
}

func link2self(tb testing.TB, name string) string {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), name)
	if err := os.Symlink(self, path); err != nil {
		tb.Fatal(err)
	}
	return path
}

// hostMain is a router that is killed: it runs the plugin named by HOST_PLUGIN and says its pid on standard output.
func hostMain() {
	mode := strings.TrimPrefix(filepath.Base(os.Getenv("HOST_PLUGIN")), "pointsman-plugin-")
	var log logBuffer
	spec := Spec{Name: "p", Kind: mode, Path: os.Getenv("HOST_PLUGIN")}
	p := New(spec, Options{Log: log.logger(), SocketDir: os.Getenv("HOST_SOCKETS")})
	go func() {
		fmt.Println("run ended:", p.Run(context.Background()))
		os.Exit(1)
	}()
	if err := p.WaitReady(context.Background()); err != nil {
		os.Exit(1)
	}
	fmt.Println(p.Status().Pid)
	select {}
}

// pluginMain is the main of a plugin written without the SDK.
func pluginMain(mode string) {
	if len(os.Args) > 1 && os.Args[1] == handshake.ArgDescribe {
		describeMain(mode)
		return
	}
	switch mode {
	case "dies":
		fmt.Fprintln(os.Stderr, "cannot find my teeth")
		os.Exit(3)
	case "quiet": // never says anything and ignores the end of its input
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		select {}
	case "mute": // closes its output and lives on
		_ = os.Stdout.Close()
		select {}
	case "garbage":
		fmt.Println("Hello, I am a plugin!")
		select {}
	case "certificate":
		fmt.Printf("1|1|unix|%s/plugin1|grpc|%s\n", os.Getenv(handshake.EnvSocketDir), strings.Repeat("A", 80))
		select {}
	case "elsewhere":
		_ = os.Unsetenv(handshake.EnvSocketDir)
	case "plain":
		_ = os.Unsetenv("PLUGIN_CLIENT_CERT")
	case "badlog": // go-plugin's reader would panic on this
		fmt.Fprintln(os.Stderr, `{"@message":1}`)
		fmt.Fprintln(os.Stderr, `{"@message":"m","@level":[]}`)
	case "family":
		startGrandchild()
	case "deaf":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	}
	serveTestPlugin(mode)
	if mode == "deaf" {
		select {}
	}
}

func describeMain(mode string) {
	switch mode {
	case "describe-hangs":
		select {}
	case "describe-fails":
		fmt.Fprintln(os.Stderr, "no idea who I am")
		os.Exit(4)
	case "describe-garbage":
		fmt.Println("I am a plugin")
	case "describe-huge":
		for {
			fmt.Println(strings.Repeat("x", 1000))
		}
	default:
		b, _ := protojson.Marshal(description(mode))
		fmt.Println(string(b))
	}
}

func description(mode string) *pluginv1.DescribeResponse {
	d := &pluginv1.DescribeResponse{
		Name: mode, Version: "1.2.3", Sdk: "test",
		Capabilities: []pluginv1.Capability{pluginv1.Capability_CAPABILITY_STREAM},
		Limits:       &pluginv1.Limits{MaxInFlight: 256, MaxBatch: 64},
	}
	switch mode {
	case "batch", "batch-fails":
		d.Capabilities = nil
	case "reserved":
		d.Arguments = &pluginv1.Schema{Attributes: []*pluginv1.Attribute{{Name: "retry"}}}
	case "impostor":
		d.Name = "slack"
	}
	return d
}

// startGrandchild leaves a process that holds standard error, and says its pid there.
func startGrandchild() {
	self, _ := os.Executable()
	cmd := exec.Command(self)
	cmd.Args = []string{"sleeper"}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	fmt.Fprintf(os.Stderr, `{"@level":"info","@message":"grandchild","child_pid":%d}`+"\n", cmd.Process.Pid)
}

func serveTestPlugin(mode string) {
	if mode != "quiet" && mode != "deaf" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	cfg := &plugin.ServeConfig{
		HandshakeConfig:  handshake.Config(),
		VersionedPlugins: map[int]plugin.PluginSet{handshake.ProtocolVersion: {handshake.PluginSet: &testService{mode: mode}}},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(handshake.MaxMessageBytes), grpc.MaxSendMsgSize(1<<30))...)
		},
	}
	if mode == "future" {
		cfg.ProtocolVersion = 7
		cfg.VersionedPlugins = map[int]plugin.PluginSet{7: {handshake.PluginSet: &testService{mode: mode}}}
	}
	plugin.Serve(cfg)
}
