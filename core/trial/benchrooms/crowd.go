//go:build linux

package benchrooms

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// pollInterval bounds the delay with which a frame is seen.
const pollInterval = time.Millisecond

// crowd is many cheap clients: raw sockets, and one goroutine that reads them all and parses only frame headers. It sleeps between
// polls, because waking up for every frame would take CPU from the router. The room is ordered, so the n-th message that a client
// receives is the n-th message of the room.
type crowd struct {
	address netip.AddrPort
	epoll   int
	done    chan struct{}
	stop    atomic.Bool

	mu      sync.Mutex
	clients map[int32]*client
	closed  int // by the router

	frames   atomic.Int64 // received by the clients that count
	received []reception  // by number of the message; only read writes it
	failed   error
}

// reception counts the clients that have received a message, and holds the time of the last one.
type reception struct {
	count int
	last  time.Time
}

// client is one connection.
type client struct {
	fd      int
	counts  bool // false: its messages are discarded
	header  [14]byte
	have    int // bytes of header
	skip    int // bytes of payload still to read
	opcode  byte
	message int
}

func newCrowd(address string, messages int) (*crowd, error) {
	at, err := netip.ParseAddrPort(strings.TrimPrefix(address, "http://"))
	if err != nil {
		return nil, err
	}
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	c := &crowd{address: at, epoll: epoll, done: make(chan struct{}), clients: map[int32]*client{}, received: make([]reception, messages)}
	go c.read()
	return c, nil
}

// close ends all connections.
func (c *crowd) close() error {
	c.stop.Store(true)
	<-c.done
	for _, client := range c.clients {
		c.failed = errors.Join(c.failed, syscall.Close(client.fd))
	}
	return errors.Join(c.failed, syscall.Close(c.epoll))
}

// connect lets n clients join a room concurrently.
func (c *crowd) connect(ctx context.Context, n int, room string) error {
	const workers = 32
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(workers)
	for i := range n {
		all.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			_, err := c.join(i, room, true)
			return err
		})
	}
	return all.Wait()
}

// join connects one client. One address has only 28,000 ephemeral ports, so i selects one of several loopback addresses.
func (c *crowd) join(i int, room string, counts bool) (*client, error) {
	fd, err := c.dial(i, room, counts)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	joined := &client{fd: fd, counts: counts}
	c.mu.Lock()
	c.clients[int32(fd)] = joined //nolint:gosec // a file descriptor
	c.mu.Unlock()
	return joined, c.listen(joined, syscall.EPOLL_CTL_ADD)
}

func (c *crowd) listen(m *client, op int) error {
	const edge = 1 << 31                                                                                             // EPOLLET, whose constant is negative
	return syscall.EpollCtl(c.epoll, op, m.fd, &syscall.EpollEvent{Events: syscall.EPOLLIN | edge, Fd: int32(m.fd)}) //nolint:gosec // a file descriptor
}

// deafen makes a client stop reading.
func (c *crowd) deafen(m *client) error {
	return syscall.EpollCtl(c.epoll, syscall.EPOLL_CTL_DEL, m.fd, nil)
}

func (c *crowd) dial(i int, room string, receives bool) (fd int, err error) {
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, syscall.Close(fd))
		}
	}()
	if !receives { // so that the socket buffers of a client that does not read fill quickly
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10); err != nil {
			return 0, err
		}
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + i%8)}}); err != nil {
		return 0, err
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Addr: c.address.Addr().As4(), Port: int(c.address.Port())}); err != nil {
		return 0, err
	}
	request := fmt.Sprintf("GET /ws?room=%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", room, c.address)
	if _, err := syscall.Write(fd, []byte(request)); err != nil {
		return 0, err
	}
	return fd, handshake(fd)
}

// handshake reads the response byte by byte, because frames may follow it.
func handshake(fd int) error {
	var answer []byte
	var one [1]byte
	for !bytes.HasSuffix(answer, []byte("\r\n\r\n")) {
		n, err := syscall.Read(fd, one[:])
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return fmt.Errorf("the router closed the connection: %w", err)
		}
		answer = append(answer, one[0])
	}
	if line, _, _ := strings.Cut(string(answer), "\r\n"); !strings.Contains(line, " 101 ") {
		return errors.New("the router responded " + line)
	}
	return nil
}

// read reads from all connections until the crowd is closed.
func (c *crowd) read() {
	defer close(c.done)
	events, buffer := make([]syscall.EpollEvent, 4096), make([]byte, 64<<10)
	for !c.stop.Load() {
		n, err := syscall.EpollWait(c.epoll, events, 0)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			c.failed = err
			return
		}
		for _, e := range events[:max(n, 0)] {
			c.mu.Lock()
			m := c.clients[e.Fd]
			c.mu.Unlock()
			c.readOne(m, buffer)
		}
		if n < len(events) {
			time.Sleep(pollInterval)
		}
	}
}

func (c *crowd) readOne(m *client, buffer []byte) {
	got, err := syscall.Read(m.fd, buffer)
	for errors.Is(err, syscall.EINTR) {
		got, err = syscall.Read(m.fd, buffer)
	}
	if got <= 0 {
		c.gone(m)
		return
	}
	c.parse(m, buffer[:got], time.Now())
	if got == len(buffer) { // the socket may hold more; edge-triggered epoll does not report it again
		if err := c.listen(m, syscall.EPOLL_CTL_MOD); err != nil {
			c.gone(m)
		}
	}
}

// gone records that the router has closed a connection.
func (c *crowd) gone(m *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	delete(c.clients, int32(m.fd)) //nolint:gosec // a file descriptor
	c.failed = errors.Join(c.failed, syscall.Close(m.fd))
}

// ended returns the number of connections that the router has closed.
func (c *crowd) ended() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// parse counts the messages in data, which may begin and end within a frame.
func (c *crowd) parse(m *client, data []byte, now time.Time) {
	for len(data) > 0 || m.have > 0 && m.complete() {
		if !m.complete() {
			m.header[m.have], data = data[0], data[1:]
			m.have++
			if !m.complete() {
				continue
			}
			m.opcode, m.skip = m.header[0]&0xf, m.length()
		}
		n := min(m.skip, len(data))
		m.skip, data = m.skip-n, data[n:]
		if m.skip > 0 {
			return
		}
		m.have = 0
		c.frame(m, now)
	}
}

// complete reports whether the header of a frame was read. Frames of a server are not masked.
func (m *client) complete() bool { return m.have >= 2 && m.have == m.headerSize() }

func (m *client) headerSize() int {
	switch m.header[1] & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

func (m *client) length() int {
	switch n := m.header[1] & 0x7f; n {
	case 126:
		return int(binary.BigEndian.Uint16(m.header[2:]))
	case 127:
		return int(binary.BigEndian.Uint64(m.header[2:])) //nolint:gosec // sent by the router
	default:
		return int(n)
	}
}

// frame handles a complete frame.
func (c *crowd) frame(m *client, now time.Time) {
	const text, ping, pong = 1, 9, 10
	switch m.opcode {
	case ping:
		_, _ = syscall.Write(m.fd, masked(pong, nil)) // after an error the router closes the connection
	case text:
		if !m.counts {
			return
		}
		c.frames.Add(1)
		if m.message < len(c.received) {
			c.received[m.message].count++
			c.received[m.message].last = now
		}
		m.message++
	}
}

// send sends a text message.
func (m *client) send(text []byte) error {
	const op = 1
	_, err := syscall.Write(m.fd, masked(op, text))
	return err
}

// masked returns a frame masked with zeros: a client must mask, and zeros leave the payload as it is.
func masked(opcode byte, payload []byte) []byte {
	frame := []byte{0x80 | opcode}
	if len(payload) < 126 {
		frame = append(frame, 0x80|byte(len(payload))) //nolint:gosec // less than 126
	} else {
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(len(payload))) //nolint:gosec // messages are shorter
	}
	return slices.Concat(frame, make([]byte, 4), payload)
}
