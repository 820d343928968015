package pluginhost

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"
)

// go-plugin's own services, whose generated code it keeps internal. A plugin in another language may lack both.
const (
	methodStdio    = "/plugin.GRPCStdio/StreamStdio"
	methodShutdown = "/plugin.GRPCController/Shutdown"

	stdioChannel = 1 // enum: 1 is standard output, 2 standard error
	stdioData    = 2
	stdioStdout  = 1
)

// readStdio logs what a Go plugin prints after its handshake. go-plugin's server redirects that output to this stream and
// blocks whoever prints until it is read. readStdio returns when ctx ends or the connection is lost.
func readStdio(ctx context.Context, conn *grpc.ClientConn, out *outputLog) {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, methodStdio, callCodec())
	if err != nil {
		return
	}
	if err := stream.SendMsg(&emptypb.Empty{}); err != nil {
		return
	}
	_ = stream.CloseSend()
	stdout := &lineWriter{fn: out.stdoutLine}
	stderr := &lineWriter{fn: out.stderrLine}
	defer stdout.flush()
	defer stderr.flush()
	for {
		var msg rawMessage
		if err := stream.RecvMsg(&msg); err != nil {
			return
		}
		channel, data := parseStdio(msg)
		w := stderr
		if channel == stdioStdout {
			w = stdout
		}
		_, _ = w.Write(data)
	}
}

// parseStdio decodes a StdioData and ignores everything after a malformed field.
func parseStdio(msg []byte) (channel uint64, data []byte) {
	for len(msg) > 0 {
		field, kind, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return channel, data
		}
		msg = msg[n:]
		switch {
		case field == stdioChannel && kind == protowire.VarintType:
			channel, n = protowire.ConsumeVarint(msg)
		case field == stdioData && kind == protowire.BytesType:
			data, n = protowire.ConsumeBytes(msg)
		default:
			n = protowire.ConsumeFieldValue(field, kind, msg)
		}
		if n < 0 {
			return channel, data
		}
		msg = msg[n:]
	}
	return channel, data
}

// shutdown asks go-plugin's server to end its process.
func shutdown(ctx context.Context, conn *grpc.ClientConn) error {
	return conn.Invoke(ctx, methodShutdown, &emptypb.Empty{}, &emptypb.Empty{})
}
