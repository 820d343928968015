package pluginhost

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// MaxDelivery limits the encoded size of one delivery, event and arguments, in bytes.
const MaxDelivery = handshake.MaxMessageBytes

// launch starts and configures a process. On an error no process is left.
func launch(ctx context.Context, spec Spec, o Options, t timing, h *history) (child, error) {
	i, err := startInstance(ctx, spec, o, t, h)
	if err != nil {
		return nil, err
	}
	diags, err := i.configure(ctx, false)
	if err != nil {
		return nil, err
	}
	refused := false
	for _, d := range diags {
		if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_ERROR {
			refused = true
			continue
		}
		i.log.Warn("plugin warns about its settings", "setting", d.GetPath(), "summary", d.GetSummary(), "detail", d.GetDetail())
	}
	if refused {
		i.end()
		return nil, &ConfigError{Plugin: spec.Name, Diagnostics: diags}
	}
	return i, nil
}

// startInstance starts the program, connects to it and calls Describe. On an error no process is left.
func startInstance(ctx context.Context, spec Spec, o Options, t timing, h *history) (*instance, error) {
	bin, err := inspect(spec)
	if err != nil {
		return nil, err
	}
	dir, err := makeSocketDir(o.SocketDir)
	if err != nil {
		return nil, &StartError{Plugin: spec.Name, Path: spec.Path, Detail: err.Error()}
	}
	log := o.Log.With("plugin", spec.Name)
	if bin.insecure != "" {
		log.Warn("plugin program can be changed by other users", "why", bin.insecure)
	}
	i := &instance{
		spec: spec, timing: t, log: log, bin: bin, out: newOutputLog(log, h), sockets: dir,
		failed: make(chan struct{}), ended: make(chan struct{}),
	}
	i.ctx, i.cancel = context.WithCancel(context.Background())
	i.run = newRunner(bin.path, i.out)
	i.run.socketDir, i.run.tls = dir.path, spec.TLS
	i.run.env = append(hostEnvironment(spec.Env), logLevelEnv(o.Log))

	ctx, cancel := context.WithTimeout(ctx, t.start)
	defer cancel()
	if err := i.connect(ctx); err != nil {
		return nil, err
	}
	if err := i.describe(ctx); err != nil {
		return nil, err
	}
	return i, nil
}

// connect runs go-plugin's start and opens the connection. It does not use go-plugin's client after that: Kill and Ping of that
// client have no deadline.
func (i *instance) connect(ctx context.Context) error {
	cfg := &plugin.ClientConfig{
		HandshakeConfig:  handshake.Config(),
		VersionedPlugins: map[int]plugin.PluginSet{handshake.ProtocolVersion: {}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         i.spec.TLS,
		SkipHostEnv:      true,
		StartTimeout:     i.timing.start + time.Minute, // ctx ends the start earlier
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: i.run.socketDir},
		Logger:           hclog.NewNullLogger(),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			i.run.env = append(append(i.run.env, cmd.Env...), handshake.EnvSocketDir+"="+i.run.socketDir)
			return i.run, nil
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = i.run.Kill(ctx) })
	addr, err := plugin.NewClient(cfg).Start()
	stop()
	if err != nil {
		i.end()
		return i.startError(ctx, err)
	}
	if i.conn, err = dial(addr, cfg.TLSConfig); err != nil {
		i.end()
		return i.startError(ctx, err)
	}
	i.log = i.log.With("pid", i.run.proc.pid)
	i.client = pluginv1.NewPluginServiceClient(i.conn)
	i.tasks.Go(func() { readStdio(i.ctx, i.conn, i.out) })
	i.tasks.Go(i.watchExit)
	return nil
}

// dial returns a connection to the socket that the handshake announced. It connects on first use and never reconnects elsewhere.
func dial(addr net.Addr, config *tls.Config) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if config != nil {
		creds = credentials.NewTLS(config)
	}
	var d net.Dialer
	return grpc.NewClient("passthrough:///plugin",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return d.DialContext(ctx, addr.Network(), addr.String())
		}),
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(MaxDelivery),
			grpc.MaxCallSendMsgSize(MaxDelivery),
		),
		grpc.WithIdleTimeout(0), // an idle connection could not be dialled again once its socket file was removed
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
	)
}

// describe calls Describe and refuses a plugin of another kind than expected.
func (i *instance) describe(ctx context.Context) error {
	var err error
	if i.desc, err = i.client.Describe(ctx, &pluginv1.DescribeRequest{}); err != nil {
		return i.callError(ctx, "Describe", err)
	}
	if err := checkDescription(i.spec, i.desc); err != nil {
		i.end()
		return err
	}
	return nil
}

// configure gives the plugin its settings, or has it only check them, and returns its diagnostics. On an error no process
// is left.
func (i *instance) configure(ctx context.Context, validateOnly bool) ([]*pluginv1.Diagnostic, error) {
	dir, err := dataDir(i.spec.DataDir, !validateOnly)
	if err != nil {
		i.end()
		return nil, &StartError{Plugin: i.spec.Name, Path: i.spec.Path, Detail: fmt.Sprintf("make its data folder: %v", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, i.timing.configure)
	defer cancel()
	resp, err := i.client.Configure(ctx, &pluginv1.ConfigureRequest{
		Instance: i.spec.Name, Settings: i.spec.Settings, ValidateOnly: validateOnly, DataDir: dir,
	})
	if err != nil {
		return nil, i.callError(ctx, "Configure", err)
	}
	return resp.GetDiagnostics(), nil
}

// dataDir returns the absolute path of a plugin's folder. It creates the folder, readable by this user only, if create is set.
func dataDir(path string, create bool) (string, error) {
	if path == "" {
		return "", nil
	}
	path, err := filepath.Abs(path)
	if err != nil || !create {
		return path, err
	}
	return path, os.MkdirAll(path, 0o700)
}
