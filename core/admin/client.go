package admin

import (
	"context"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// statusWait is how long StatusAt waits.
const statusWait = 10 * time.Second

// StatusAt asks the router behind a unix socket for its status. The error wraps those of a connection that cannot be made, such as
// ECONNREFUSED when no router listens any more.
func StatusAt(ctx context.Context, socket string) (*adminv1.GetStatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	client := adminv1connect.NewAdminServiceClient(&http.Client{Transport: transport}, "http://localhost", connect.WithReadMaxBytes(16<<20))
	resp, err := client.GetStatus(ctx, connect.NewRequest(&adminv1.GetStatusRequest{}))
	if err != nil {
		return nil, err
	}
	return resp.Msg, nil
}
