package sdk

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// window is the flow-control window of a stream and of the connection. It holds several full batches, so that a router seldom
// waits for permission to send.
const window = 4 << 20

// ServerOptions returns the options that a gRPC server for this plugin needs: the protocol's message sizes, and interceptors
// that turn a panic into an error of the call.
func (s *Server) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(handshake.MaxMessageBytes),
		grpc.MaxSendMsgSize(handshake.MaxMessageBytes),
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
			defer recoverCall(s.log, info.FullMethod, &err)
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
			defer recoverCall(s.log, info.FullMethod, &err)
			return next(srv, stream)
		}),
	}
}

func recoverCall(log *slog.Logger, method string, err *error) {
	p := recover()
	if p == nil {
		return
	}
	log.Error("call panicked", "method", method, "err", fmt.Errorf("panic: %v", p), "stack", ownStack(string(debug.Stack())))
	*err = status.Errorf(codes.Internal, "panic: %v", p)
}
