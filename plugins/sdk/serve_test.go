package sdk_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

// child is the plugin as a process, started the way a router does it but without go-plugin's client.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr *syncBuffer
	exited chan error
}

func startChild(t *testing.T, kind string, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0], args...), stderr: &syncBuffer{}, exited: make(chan error, 1)}
	dir, err := os.MkdirTemp("", "sdk") //nolint:usetesting // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c.cmd.Env = []string{
		childEnv + "=" + kind, handshake.CookieKey + "=" + handshake.CookieValue, handshake.EnvSocketDir + "=" + dir,
		"PLUGIN_PROTOCOL_VERSIONS=1", handshake.EnvLogLevel + "=debug",
	}
	c.stdin, err = c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.Stdout, c.cmd.Stderr, c.stdout = w, c.stderr, bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	go func() { c.exited <- c.cmd.Wait() }()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = out.Close()
	})
	return c
}

// handshake returns the address of the socket.
func (c *child) handshake(t *testing.T) string {
	t.Helper()
	line, err := c.stdout.ReadString('\n')
	parts := strings.Split(line, "|")
	if err != nil || len(parts) < 6 || parts[0] != "1" || parts[1] != "1" || parts[2] != "unix" || parts[4] != "grpc" {
		t.Fatalf("handshake %q, %v; stderr: %s", line, err, c.stderr)
	}
	return parts[3]
}

func (c *child) wait(t *testing.T, within time.Duration) error {
	t.Helper()
	select {
	case err := <-c.exited:
		return err
	case <-time.After(within):
		t.Fatalf("the plugin still runs after %s; stderr: %s", within, c.stderr)
		return nil
	}
}

func TestExitsWhenStdinCloses(t *testing.T) {
	c := startChild(t, "plain")
	socket := c.handshake(t)
	_ = c.stdin.Close()
	if err := c.wait(t, 3*time.Second); err != nil {
		t.Errorf("exit: %v; stderr: %s", err, c.stderr)
	}
	if !strings.Contains(c.stderr.String(), "stdin was closed before the first call") {
		t.Errorf("it does not say why it exits: %s", c.stderr)
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// TestExitsInTime: not even a delivery that hangs keeps a plugin alive without its router.
func TestExitsInTime(t *testing.T) {
	c := startChild(t, "plain")
	conn := dial(t, c.handshake(t))
	client := pluginv1.NewPluginServiceClient(conn)
	if resp, err := client.Configure(t.Context(), &pluginv1.ConfigureRequest{Settings: []byte(token)}); err != nil || len(resp.GetDiagnostics()) > 0 {
		t.Fatal(resp, err)
	}
	stream, err := client.Deliver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hang := []*pluginv1.Delivery{{Id: "1", Arguments: []byte(do("hang"))}, {Id: "2", Arguments: []byte(do("ok"))}}
	if err := stream.Send(&pluginv1.DeliverRequest{Deliveries: hang}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	_ = c.stdin.Close()
	_ = c.wait(t, 3*time.Second)
}

func TestSignalsAreIgnored(t *testing.T) {
	c := startChild(t, "plain")
	conn := dial(t, c.handshake(t))
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if err := c.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if _, err := pluginv1.NewPluginServiceClient(conn).Describe(t.Context(), &pluginv1.DescribeRequest{}); err != nil {
			t.Fatalf("after %v: %v", s, err)
		}
	}
	select {
	case err := <-c.exited:
		t.Errorf("a signal ended it: %v", err)
	default:
	}
}

func TestOutputBeforeTheHandshake(t *testing.T) {
	c := startChild(t, "noise")
	c.handshake(t)
	poll(t, func() bool {
		log := c.stderr.String()
		return strings.Contains(log, `"output":"noise before Serve"`) && strings.Contains(log, `"output":"no line end"`)
	})
}

func dial(t *testing.T, socket string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:plugin", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// hostPlugin is the router's side of go-plugin's plugin set.
type hostPlugin struct {
	plugin.NetRPCUnsupportedPlugin
}

func (hostPlugin) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }
func (hostPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return pluginv1.NewPluginServiceClient(c), nil
}

// TestServe runs the plugin under go-plugin's own client: handshake with mutual TLS, a large message, output and logs.
func TestServe(t *testing.T) {
	logs := &syncBuffer{}
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{childEnv + "=plain", handshake.EnvLogLevel + "=debug"}
	stdin, alive, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	defer func(before *os.File) { os.Stdin = before }(os.Stdin)
	os.Stdin = stdin // go-plugin's own runner hands down the host's
	c := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake.Config(), Plugins: plugin.PluginSet{handshake.PluginSet: hostPlugin{}}, Cmd: cmd,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, AutoMTLS: true, SkipHostEnv: true,
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, JSONFormat: true, Output: logs}),
	})
	defer c.Kill()
	rpc, err := c.Client()
	if err != nil {
		t.Fatal(err, logs)
	}
	if err := rpc.Ping(); err != nil {
		t.Fatal(err)
	}
	raw, err := rpc.Dispense(handshake.PluginSet)
	if err != nil {
		t.Fatal(err)
	}
	client := raw.(pluginv1.PluginServiceClient)
	if resp, err := client.Configure(t.Context(), &pluginv1.ConfigureRequest{Settings: []byte(token)}); err != nil || len(resp.GetDiagnostics()) > 0 {
		t.Fatal(resp, err)
	}
	big := plugintest.Event()
	big.Body = bytes.Repeat([]byte("x"), 6<<20)
	resp, err := client.DeliverBatch(t.Context(), &pluginv1.DeliverBatchRequest{Deliveries: []*pluginv1.Delivery{
		{Id: "1", Envelope: big, Arguments: []byte(do("print"))}, {Id: "2", Arguments: []byte(do("panic"))},
	}})
	if err != nil || len(resp.GetResults()) != 2 {
		t.Fatal(resp, err)
	}
	for _, want := range []string{
		`"output":"printed to stdout"`, `"@message":"printed to stderr"`, `"@message":"standard logger"`,
		`"@message":"default logger"`, `"token":"(sensitive)"`, `"http.status":200`, `"event_id":"` + big.GetId() + `"`, `main_test.go`,
	} {
		pollFor(t, func() string { return "no " + want + " in " + logs.String() }, func() bool { return strings.Contains(logs.String(), want) })
	}
	if strings.Contains(logs.String(), "canary") {
		t.Errorf("the log shows the token: %s", logs)
	}
	c.Kill()
	if !c.Exited() {
		t.Error("it still runs")
	}
}

// syncBuffer may be read while a process writes to it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
