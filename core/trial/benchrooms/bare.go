//go:build linux

package benchrooms

import (
	"context"
	"net"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/pointsman/pointsman/core/trial/testbed"
	"github.com/pointsman/pointsman/plugins/sdk/testenv/server"
)

// serveBare is the baseline: it writes each message to all other connections, in a loop. It has no journal, rule or plugin, and a
// client that does not read would block all conns.
func serveBare(address string) error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	h := &bareRoom{conns: map[net.Conn]struct{}{}}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go h.serve(conn)
	}
}

type bareRoom struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func (h *bareRoom) serve(conn net.Conn) {
	defer conn.Close()
	h.mu.Lock()
	h.conns[conn] = struct{}{} // before the upgrade answers, so that a joined client receives the next message
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.conns, conn)
		h.mu.Unlock()
	}()
	if _, err := ws.Upgrade(conn); err != nil {
		return
	}
	for {
		text, err := wsutil.ReadClientText(conn)
		if err != nil {
			return
		}
		h.broadcast(conn, ws.MustCompileFrame(ws.NewTextFrame(text)))
	}
}

func (h *bareRoom) broadcast(sender net.Conn, frame []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		if c != sender {
			_, _ = c.Write(frame) // the reader of a closed connection removes it
		}
	}
}

// startBare runs this program as the baseline.
func startBare(ctx context.Context) (target, *server.Process, error) {
	address, process, err := testbed.StartBare(ctx, "bench-rooms", "/ws")
	if err != nil {
		return target{}, nil, err
	}
	t := target{
		address: address,
		pids:    func() ([]int, error) { return []int{process.PID()}, nil },
		quiet:   func(context.Context) error { return nil },
	}
	return t, process, nil
}
