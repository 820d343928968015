package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// proxySignature begins every header of the PROXY protocol version 2.
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	// proxyHeaderTime is the timeout for the header, which a proxy sends before anything else.
	proxyHeaderTime = 5 * time.Second
	// maxProxyHeader limits the addresses and extensions that are read after the fixed part.
	maxProxyHeader = 4 << 10
)

// proxyListener accepts connections of trusted proxies that begin with a PROXY protocol header, version 2
// (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt). Other connections have no header.
type proxyListener struct {
	net.Listener
	proxies Proxies
}

// Accept implements net.Listener. It does not read the header, because a slow proxy must not delay other connections.
func (l *proxyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	// An address that does not parse is the zero Addr, which no proxy has.
	peer, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	if !l.proxies.trusts(peer.Addr().Unmap()) {
		return conn, nil
	}
	c := &proxyConn{Conn: conn, remote: conn.RemoteAddr()}
	c.header = sync.OnceValue(c.readHeader)
	return c, nil
}

// proxyConn reads the header at the first call of Read or RemoteAddr: net/http makes both in the connection's own goroutine.
type proxyConn struct {
	net.Conn
	header func() error // once
	remote net.Addr     // set by header
}

// Read implements net.Conn.
func (c *proxyConn) Read(p []byte) (int, error) {
	if err := c.header(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// RemoteAddr implements net.Conn. It is the proxy's own address if the header is invalid; then Read fails.
func (c *proxyConn) RemoteAddr() net.Addr {
	_ = c.header() // Read returns the error
	return c.remote
}

// readHeader reads the header, within proxyHeaderTime, and takes the client's address from it.
func (c *proxyConn) readHeader() error {
	if err := c.SetReadDeadline(time.Now().Add(proxyHeaderTime)); err != nil {
		return err
	}
	client, err := readProxyHeader(c.Conn)
	if err != nil {
		return fmt.Errorf("PROXY protocol header of %s: %w", c.remote, err)
	}
	if client.IsValid() {
		c.remote = net.TCPAddrFromAddrPort(client)
	}
	return c.SetReadDeadline(time.Time{}) // net/http sets its own
}

// readProxyHeader reads one header and not a byte more. The address is invalid if the header has none, such as for the health
// checks of the proxy itself.
func readProxyHeader(r io.Reader) (client netip.AddrPort, err error) {
	var fixed [16]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return client, err
	}
	if !bytes.Equal(fixed[:12], []byte(proxySignature)) || fixed[12]>>4 != 2 {
		return client, errors.New("not version 2 of the protocol")
	}
	length := binary.BigEndian.Uint16(fixed[14:])
	if length > maxProxyHeader {
		return client, fmt.Errorf("longer than %d bytes", maxProxyHeader)
	}
	rest := make([]byte, length)
	if _, err := io.ReadFull(r, rest); err != nil {
		return client, err
	}
	const local, proxied = 0, 1
	switch command, family := fixed[12]&0xf, fixed[13]; {
	case command == local:
		return client, nil
	case command != proxied:
		return client, errors.New("unknown command")
	case family == 0x11: // TCP over IPv4: source, destination, ports
		return proxiedAddress(rest, 4)
	case family == 0x21: // TCP over IPv6
		return proxiedAddress(rest, 16)
	}
	return client, nil
}

// proxiedAddress returns the source of a pair of addresses of size bytes and their ports.
func proxiedAddress(b []byte, size int) (netip.AddrPort, error) {
	if len(b) < 2*size+4 {
		return netip.AddrPort{}, errors.New("addresses are cut off")
	}
	address, _ := netip.AddrFromSlice(b[:size])
	return netip.AddrPortFrom(address.Unmap(), binary.BigEndian.Uint16(b[2*size:])), nil
}
