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

// closeTimeout is how long a client has to read what is left, and the close frame, before it is cut off.
const closeTimeout = 5 * time.Second

// conn is one connection.
type conn struct {
	source    *Source
	id        string
	ip        string
	network   string // what connections are counted by
	userAgent string
	requestID string
	since     time.Time
	rooms     []string // guarded by hub.mu, in the order of joining
	identity  atomic.Pointer[identity]

	net  net.Conn // nil until it is open
	read *bufio.Reader

	// Nanoseconds since 1970: of the last message either way, the last frame from the client, and the last ping.
	active, heard, pinged atomic.Int64
	warned                atomic.Bool // the client was warned that its token expires
	busy                  atomic.Bool // with a message: nothing is read meanwhile

	// For the reader only.
	header     [ws.MaxHeaderSize - 2]byte
	events     uint64
	rate       *rate.Limiter
	controls   *rate.Limiter
	violations violations

	mu      sync.Mutex
	queue   [][]byte // frames that wait; shared between connections, never changed
	queued  int      // bytes in queue and in the batch being written
	open    bool     // frames may be written
	writing bool     // a goroutine writes
	closing bool     // the last frame is in the queue, or was
	code    int      // how it ends
}

// send queues a frame. It never waits. The error is source.ErrGone or source.ErrBusy.
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

// push queues a frame and has it written. c.mu is held, and c is not gone, so that running is not zero.
func (c *conn) push(frame []byte) {
	c.queue = append(c.queue, frame)
	c.queued += len(frame)
	c.source.metrics.queueBytes.Add(float64(len(frame)))
	if c.open && !c.writing {
		c.writing = true
		c.source.hub.running.Go(c.write)
	}
}

// start begins to write to an upgraded connection, first what was queued since it was let in.
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

// write writes the queue until it is empty.
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

// fail gives up a connection that cannot be written to: a frame may be half written, so no other one can follow.
func (c *conn) fail(err error) {
	code := codeAbnormal
	if errors.Is(err, os.ErrDeadlineExceeded) {
		code = codeSlowReader
	}
	c.mu.Lock()
	c.end(code)
	c.drop()
	c.mu.Unlock()
	_ = c.net.Close() // the reader finds out
}

// end notes how the connection ends; the first to say so is right. c.mu is held.
func (c *conn) end(code int) (first bool) {
	if c.closing {
		return false
	}
	c.closing, c.code = true, code
	return true
}

// drop forgets what waits. c.mu is held.
func (c *conn) drop() {
	size := 0
	for _, frame := range c.queue {
		size += len(frame)
	}
	c.queue, c.queued = nil, c.queued-size
	c.source.metrics.queueBytes.Sub(float64(size))
}

// close says goodbye with a code, after what is queued; a slow reader gets the goodbye alone. The reader ends the connection.
func (c *conn) close(code int, reason string) {
	c.closeWith(code, ws.NewCloseFrameBody(ws.StatusCode(code), reason))
}

func (c *conn) closeWith(code int, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.end(code) {
		return
	}
	if code == codeSlowReader {
		c.drop()
	}
	c.push(ws.MustCompileFrame(ws.NewCloseFrame(body)))
	if c.open {
		c.setCloseDeadline()
	}
}

// setCloseDeadline limits how long the client may take to close its side.
func (c *conn) setCloseDeadline() { _ = c.net.SetReadDeadline(time.Now().Add(closeTimeout)) }

// halfClose tells the client that nothing follows, and lets it close. Closing at once while the client still sends would
// make its system throw away what it has not read: the close frame.
func (c *conn) halfClose() {
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// closeCode returns how the connection ended.
func (c *conn) closeCode() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// ending reports whether the last frame was queued.
func (c *conn) ending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}
