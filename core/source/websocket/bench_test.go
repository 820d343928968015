package websocket

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/core/source"
)

// holdEnv makes the test binary a client process: "address connections". It opens the connections, reports it, and holds them
// until its standard input ends. Twice 10,000 descriptors are more than one process gets.
const holdEnv = "WEBSOCKET_TEST_HOLD"

func TestMain(m *testing.M) {
	if order := os.Getenv(holdEnv); order != "" {
		hold(order)
		return
	}
	goleak.VerifyTestMain(m)
}

func handshake(c net.Conn, room string) (*bufio.Reader, error) {
	_, err := fmt.Fprintf(c, "GET /ws?room=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		room, handshakeKey)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	for first := true; ; first = false {
		line, err := r.ReadString('\n')
		switch {
		case err != nil:
			return nil, err
		case first && !strings.HasPrefix(line, "HTTP/1.1 101 "):
			return nil, fmt.Errorf("answer %q", line)
		case line == "\r\n":
			return r, nil
		}
	}
}

func hold(order string) {
	address, count, _ := strings.Cut(order, " ")
	n, _ := strconv.Atoi(count)
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_, err = handshake(c, "room:"+strconv.Itoa(i/10))
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		conns[i] = c
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// resident returns the memory of this process, after what is free was given back.
func resident(b *testing.B) float64 {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	kib, err := strconv.Atoi(string(bytes.Fields(rest)[0]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib)
}

// BenchmarkIdle reports what an idle connection costs, with 10,000 of them in 1,000 rooms.
func BenchmarkIdle(b *testing.B) {
	const n = 10000
	f := newFixture(b, `"access_log":"off","limits":{"connections_per_ip":10000,"connects_per_second":10000}`)
	f.intake.events = make(chan source.Event, 2*n)
	for b.Loop() {
		before := resident(b)
		self, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		client := exec.Command(self)
		client.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", holdEnv, f.server.Listener.Addr(), n))
		in, err := client.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		out, err := client.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := client.Start(); err != nil {
			b.Fatal(err)
		}
		if line, _ := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
			b.Fatalf("client: %s", line)
		}
		for range n {
			f.expect(TypeConnect)
		}
		b.ReportMetric((resident(b)-before)/n, "KiB/conn")
		_ = in.Close()
		_ = client.Wait()
		for range n {
			f.expect(TypeDisconnect)
		}
	}
}

// crowd is a room of clients that only count, each in its own goroutine.
type crowd struct {
	received atomic.Int64
	mu       sync.Mutex
	delays   []time.Duration // of messages that begin with the time they were sent at
	first    chan struct{}   // one for each message that the first of them gets
}

const crowdPayload = 128

func newCrowd(b *testing.B, f *fixture, n int, timed bool) *crowd {
	w := &crowd{first: make(chan struct{}, 1<<20)}
	for i := range n {
		c, err := net.Dial("tcp", f.server.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() })
		r, err := handshake(c, "a")
		if err != nil {
			b.Fatal(err)
		}
		f.expect(TypeConnect)
		go w.read(r, i == 0, timed)
	}
	return w
}

func (w *crowd) read(r *bufio.Reader, first, timed bool) {
	var mine []time.Duration
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.delays = append(w.delays, mine...)
	}()
	var payload [crowdPayload]byte
	for {
		h, err := ws.ReadHeader(r)
		if err != nil || h.OpCode != ws.OpBinary {
			return
		}
		if _, err := io.ReadFull(r, payload[:]); err != nil {
			return
		}
		w.received.Add(1)
		if first {
			w.first <- struct{}{}
		}
		if timed {
			mine = append(mine, time.Duration(time.Now().UnixNano()-int64(binary.BigEndian.Uint64(payload[:]))))
		}
	}
}

// BenchmarkBroadcast sends to a room of 1,000 as fast as it is read.
func BenchmarkBroadcast(b *testing.B) {
	const n, ahead = 1000, 20
	f := newFixture(b, `"access_log":"off","limits":{"connects_per_second":10000,"connections_per_ip":10000}`)
	w := newCrowd(b, f, n, false)
	message := make([]byte, crowdPayload)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i >= ahead {
			<-w.first
		}
		if sent := f.Broadcast("a", message, true, ""); sent != n {
			b.Fatalf("sent to %d", sent)
		}
	}
	eventually(b, "all is read", func() bool { return w.received.Load() == int64(b.N)*n })
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "deliveries/s")
}

// BenchmarkSpeaker has one client send 20 times a second to a room of 1,000, for 5 s, and reports how late the others receive
// it; with a member that does not read, and large messages to it that fill its queue, as well.
func BenchmarkSpeaker(b *testing.B) {
	for _, stalled := range []bool{false, true} {
		b.Run(fmt.Sprintf("stalled=%t", stalled), func(b *testing.B) { benchSpeaker(b, stalled) })
	}
}

func benchSpeaker(b *testing.B, stalled bool) {
	f := newFixture(b, `"access_log":"off","binary":true,"limits":{"connects_per_second":10000,"connections_per_ip":10000}`)
	w := newCrowd(b, f, 1000, true)
	speaker := f.join("speaker")
	if stalled {
		k := f.join("a")
		large := make([]byte, 128<<10)
		eventually(b, "it stalls", func() bool { return f.Send(k.id, large, true) != nil })
	}
	go func() { // the part of the plugin
		for e := range f.intake.events {
			if e.Envelope.GetType() == TypeMessage {
				f.Broadcast("a", e.Envelope.GetBody(), true, "")
			}
		}
	}()
	defer close(f.intake.events)
	b.ResetTimer()
	ticks := time.NewTicker(time.Second / 20)
	defer ticks.Stop()
	payload := make([]byte, crowdPayload)
	for range 100 {
		<-ticks.C
		binary.BigEndian.PutUint64(payload, uint64(time.Now().UnixNano()))
		speaker.write(masked(ws.NewBinaryFrame(payload)))
	}
	eventually(b, "everything is received", func() bool { return w.received.Load() >= 100*1000 })
	b.StopTimer()
	f.stop()
	eventually(b, "all are gone", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.delays) == 100*1000
	})
	slices.Sort(w.delays)
	b.ReportMetric(float64(w.delays[len(w.delays)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(w.delays[len(w.delays)*99/100])/1e6, "p99-ms")
}
