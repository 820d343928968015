package testbed

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// apiTimeout bounds one call. A reload may wait for a plugin that does not start.
const apiTimeout = 2 * time.Minute

// API returns a client of the admin API on the unix socket beside the journal. It opens a connection for each call, so that none of
// them counts among the router's descriptors afterwards.
func (r *Router) API() adminv1connect.AdminServiceClient {
	socket := filepath.Join(filepath.Dir(r.Journal()), "admin.sock")
	client := &http.Client{Timeout: apiTimeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	return adminv1connect.NewAdminServiceClient(client, "http://localhost")
}
