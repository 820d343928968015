package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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

// testService does what the rule of a delivery says.
type testService struct {
	pluginv1.UnimplementedPluginServiceServer
	plugin.NetRPCUnsupportedPlugin
	mode string
	busy sync.WaitGroup
}

func (s *testService) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	if s.mode != "stranger" {
		pluginv1.RegisterPluginServiceServer(g, s)
	}
	return nil
}

func (s *testService) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("not a client")
}

func (s *testService) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	return description(s.mode), nil
}

func (s *testService) Configure(ctx context.Context, r *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	var settings struct{ Refuse, Warn, Panic, Hang, Once string }
	if len(r.GetSettings()) > 0 {
		if err := json.Unmarshal(r.GetSettings(), &settings); err != nil {
			return nil, err
		}
	}
	diag := func(sev pluginv1.Diagnostic_Severity, path string) *pluginv1.ConfigureResponse {
		return &pluginv1.ConfigureResponse{Diagnostics: []*pluginv1.Diagnostic{
			{Severity: sev, Path: path, Summary: "wrong value", Detail: "choose another"},
		}}
	}
	switch {
	case settings.Panic != "":
		go panic(settings.Panic)
		select {}
	case settings.Hang != "":
		<-ctx.Done()
	case settings.Refuse != "":
		return diag(pluginv1.Diagnostic_SEVERITY_ERROR, settings.Refuse), nil
	case settings.Warn != "":
		return diag(pluginv1.Diagnostic_SEVERITY_WARNING, settings.Warn), nil
	case settings.Once != "": // refused from the second process on
		f, err := os.OpenFile(filepath.Join(r.GetDataDir(), "once"), os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return diag(pluginv1.Diagnostic_SEVERITY_ERROR, "once"), nil
		}
		_ = f.Close()
	}
	return &pluginv1.ConfigureResponse{}, nil
}

func (s *testService) Deliver(stream grpc.BidiStreamingServer[pluginv1.DeliverRequest, pluginv1.DeliverResponse]) error {
	if s.mode == "nostream" {
		return status.Error(codes.Unimplemented, "no stream")
	}
	var send sync.Mutex
	for {
		req, err := stream.Recv()
		if err != nil {
			return nil
		}
		if r := req.GetDeliveries()[0].GetRule(); r == "end-stream" {
			return status.Error(codes.Internal, "had enough")
		}
		s.busy.Go(func() {
			resp := &pluginv1.DeliverResponse{}
			for _, d := range req.GetDeliveries() {
				resp.Results = append(resp.Results, s.do(d))
			}
			send.Lock()
			defer send.Unlock()
			_ = stream.Send(resp)
		})
	}
}

func (s *testService) DeliverBatch(_ context.Context, r *pluginv1.DeliverBatchRequest) (*pluginv1.DeliverBatchResponse, error) {
	if s.mode == "batch-fails" {
		return nil, status.Error(codes.Unknown, "Exception calling application")
	}
	resp := &pluginv1.DeliverBatchResponse{}
	for _, d := range r.GetDeliveries() {
		if d.GetRule() != "forget" {
			resp.Results = append(resp.Results, s.do(d))
		}
	}
	return resp, nil
}

func (s *testService) Drain(ctx context.Context, _ *pluginv1.DrainRequest) (*pluginv1.DrainResponse, error) {
	s.busy.Wait()
	return &pluginv1.DrainResponse{}, nil
}

func (s *testService) do(d *pluginv1.Delivery) *pluginv1.Result {
	res := &pluginv1.Result{Id: d.GetId(), Outcome: pluginv1.Outcome_OUTCOME_DONE}
	switch d.GetRule() {
	case "echo":
		res.Receipt = fmt.Sprintf("%d %s %s %s", d.GetAttempt(), d.GetTimeout().AsDuration(), d.GetEnvelope().GetId(), d.GetArguments())
	case "panic":
		panic("the handler is broken")
	case "exit":
		os.Exit(0)
	case "second":
		time.Sleep(time.Second) // the work of a plugin, not a wait of a test
	case "hang":
		select {}
	case "environment":
		res.Receipt = strings.Join(os.Environ(), "\n")
	case "print":
		fmt.Println("printed by accident")
		fmt.Fprintln(os.Stderr, "complained by accident")
	case "log":
		syscallWrite(2, `{"@level":"warn","@message":"something is odd","host":"example.org","n":5,"plugin":"other"}`+"\n")
	case "spam":
		for range 100 {
			syscallWrite(2, strings.Repeat("spam ", 20000)+"\n")
		}
		syscallWrite(2, strings.Repeat("x", 10<<20))
	case "chatter":
		syscallWrite(2, strings.Repeat("and so on\n", 5000))
	case "stdout":
		syscallWrite(1, strings.Repeat("y", 300<<10)+"\n")
		syscallWrite(1, "still alive\n")
	case "huge":
		res.Receipt = strings.Repeat("z", 100<<20)
	case "fallen":
		for range 3 {
			syscallWrite(2, "some line\n")
		}
		go panic("fell over")
		select {}
	}
	return res
}

// syscallWrite goes round what go-plugin puts in the place of os.Stdout.
func syscallWrite(fd int, s string) {
	for b := []byte(s); len(b) > 0; {
		n, err := syscall.Write(fd, b)
		if err != nil {
			return
		}
		b = b[n:]
	}
}
