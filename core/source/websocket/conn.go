package websocket

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/time/rate"

	"github.com/pointsman/pointsman/core/source"
)

// Close codes. Those from 4000 on are our own.
const (
	codeNormal      = 1000
	codeGoingAway   = 1001
	codeProtocol    = 1002
	codeUnsupported = 1003
	codeNone        = 1005 // never sent: the client's close frame had none
	codeAbnormal    = 1006 // never sent: the connection ended without a close frame
	codeNotUTF8     = 1007
	codePolicy      = 1008
	codeTooLarge    = 1009
	codeInternal    = 1011
	codeTryLater    = 1013
	codeExpired     = 4401
	codeSlowReader  = 4408
	codeTooFast     = 4429
)

// closeTimeout is how long a client has to read the queued frames and the close frame before it is disconnected.
const closeTimeout = 5 * time.Second

// conn is one connection.
type conn struct {
	source    *Source
	id        string
	ip        string
	network   string // key of connections_per_ip
	userAgent string
	requestID string
	since     time.Time
	rooms     []string // guarded by hub.mu, in the order of joining
	identity  atomic.Pointer[identity]

	net  net.Conn // nil until the upgrade
	read *bufio.Reader

	// Unix nanoseconds of the last message in either direction, the last frame received, and the last ping sent.
	active, received, pinged atomic.Int64
	warned                   atomic.Bool // the client was warned that its token expires
	busy                     atomic.Bool // handling a message, so that frames wait unread

	// Used only by the reading goroutine.
	header     [ws.MaxHeaderSize - 2]byte
	events     uint64
	rate       *rate.Limiter
	controls   *rate.Limiter
	violations violations

	// mu guards the fields below.
	mu      sync.Mutex
	queue   [][]byte // frames to write; shared between connections, so never modified
	queued  int      // bytes in queue and in the batch being written
	open    bool     // frames may be written
	writing bool     // a writing goroutine exists
	closing bool     // the close frame was queued: no other may follow
	code    int      // close code
}

// send queues a frame and never blocks. The error is source.ErrGone or source.ErrBusy.
func (c *conn) send(frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closing:
		return source.ErrGone
	case c.queued+len(frame) > c.source.limits.Queue:
		return source.ErrBusy
	}
	c.active.Store(c.source.now().UnixNano())
	c.push(frame)
	return nil
}

// push queues a frame and starts a writer if there is none. The caller holds c.mu. hub.running still counts c, so it is not zero.
func (c *conn) push(frame []byte) {
	c.queue = append(c.queue, frame)
	c.queued += len(frame)
	c.source.metrics.queueBytes.Add(float64(len(frame)))
	if c.open && !c.writing {
		c.writing = true
		c.source.hub.running.Go(c.write)
	}
}

// start attaches the upgraded connection and begins to write, first the frames queued since hub.add.
func (c *conn) start(upgraded net.Conn, r *bufio.Reader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.net, c.read, c.open = upgraded, r, true
	if len(c.queue) > 0 {
		c.writing = true
		c.source.hub.running.Go(c.write)
	}
	if c.closing {
		c.setCloseDeadline()
	}
}

// write writes queued frames until there are none.
func (c *conn) write() {
	for {
		c.mu.Lock()
		batch, size := c.queue, c.queued
		c.queue = nil
		if len(batch) == 0 {
			c.writing = false
			if c.closing {
				c.halfClose()
			}
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		err := c.writeBatch(batch)
		c.mu.Lock()
		c.queued -= size
		c.mu.Unlock()
		c.source.metrics.queueBytes.Sub(float64(size))
		if err != nil {
			c.fail(err)
		}
	}
}

func (c *conn) writeBatch(batch net.Buffers) error {
	if err := c.net.SetWriteDeadline(time.Now().Add(c.source.limits.Write)); err != nil {
		return err
	}
	_, err := batch.WriteTo(c.net)
	return err
}

// fail closes a connection after a write error: a frame may be half written, so no other may follow.
func (c *conn) fail(err error) {
	code := codeAbnormal
	if errors.Is(err, os.ErrDeadlineExceeded) {
		code = codeSlowReader
	}
	c.mu.Lock()
	c.end(code)
	c.drop()
	c.mu.Unlock()
	_ = c.net.Close() // ends the reading goroutine
}

// end records the close code; only the first call counts. The caller holds c.mu.
func (c *conn) end(code int) (first bool) {
	if c.closing {
		return false
	}
	c.closing, c.code = true, code
	return true
}

// drop discards the queue. The caller holds c.mu.
func (c *conn) drop() {
	size := 0
	for _, frame := range c.queue {
		size += len(frame)
	}
	c.queue, c.queued = nil, c.queued-size
	c.source.metrics.queueBytes.Sub(float64(size))
}

// close queues a close frame; for a slow reader it discards the queue first. The reading goroutine closes the connection. It returns
// false if the connection is being closed already.
func (c *conn) close(code int, reason string) bool {
	return c.closeWith(code, ws.NewCloseFrameBody(ws.StatusCode(code), reason))
}

func (c *conn) closeWith(code int, body []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.end(code) {
		return false
	}
	if code == codeSlowReader {
		c.drop()
	}
	c.push(ws.MustCompileFrame(ws.NewCloseFrame(body)))
	if c.open {
		c.setCloseDeadline()
	}
	return true
}

// setCloseDeadline limits how long to wait for the client's close frame.
func (c *conn) setCloseDeadline() { _ = c.net.SetReadDeadline(time.Now().Add(closeTimeout)) }

// halfClose closes the write side and lets the client close the other. Closing both while the client still sends would cause a
// reset, which discards the close frame that the client has not read yet.
func (c *conn) halfClose() {
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// closeCode returns the close code of the ended connection.
func (c *conn) closeCode() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// ending reports whether the close frame was queued.
func (c *conn) ending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}
