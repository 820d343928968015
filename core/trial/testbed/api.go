package testbed

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// apiTimeout bounds one call. A reload may wait for a plugin that does not start.
const apiTimeout = 2 * time.Minute

// Socket is the path of the admin socket.
func (r *Router) Socket() string { return filepath.Join(filepath.Dir(r.Journal()), "admin.sock") }

// Command runs a command of pointsman against the router and returns what it prints. The error has what it says on standard error.
func (r *Router) Command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.program, append(args, "--socket", r.Socket())...)
	var out, messages strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s", cmd, err, &messages)
	}
	return out.String(), nil
}

// API returns a client of the admin API on the unix socket beside the journal. It opens a connection for each call, so that none of
// them counts among the router's descriptors afterwards.
func (r *Router) API() adminv1connect.AdminServiceClient {
	socket := r.Socket()
	client := &http.Client{Timeout: apiTimeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	return adminv1connect.NewAdminServiceClient(client, "http://localhost")
}
