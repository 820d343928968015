package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

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

func (s *testService) Configure(_ context.Context, r *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
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
		select {} // also when its context ends: an answer then could be in time
	case settings.Refuse != "":
		return diag(pluginv1.Diagnostic_SEVERITY_ERROR, settings.Refuse), nil
	case settings.Warn != "":
		return diag(pluginv1.Diagnostic_SEVERITY_WARNING, settings.Warn), nil
	case settings.Once != "": // refused from the second process on
		if !firstProcess(r.GetDataDir()) {
			return diag(pluginv1.Diagnostic_SEVERITY_ERROR, "once"), nil
		}
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
			return err
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

// firstProcess reports whether no process used that data folder before.
func firstProcess(dataDir string) bool {
	return os.Mkdir(filepath.Join(dataDir, "once"), 0o700) == nil
}
