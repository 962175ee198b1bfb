package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// linger is how long one side of a connection may go on after the other one has
// finished.
const linger = 5 * time.Second

// passage is one client's connection and where it leads.
type passage struct {
	gateway *Gateway
	client  *net.TCPConn
	// near is client, or TLS over it.
	near half
	far  *far
	// cancel ends the attempt to find a backend for it.
	cancel context.CancelFunc

	// The gateway's lock guards these: where the passage leads, none at first; that
	// it was told to end there; and what ends an attempt to connect there.
	backend string
	ending  bool
	giveUp  context.CancelFunc

	mu     sync.Mutex
	cause  Cause // the first one counts
	closed bool
}

// half is a connection that can be closed in one direction.
type half interface {
	net.Conn
	CloseWrite() error
}

// note keeps the first cause of the end.
func (p *passage) note(cause Cause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == "" {
		p.cause = cause
	}
}

// end closes both connections, for cause. It may be called at any time, more than
// once, from any goroutine.
func (p *passage) end(cause Cause) {
	p.note(cause)
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.client.Close()
	if p.far != nil {
		if cause == CauseDead || cause == CauseFenced || cause == CauseLapsed {
			_ = p.far.tcp.SetLinger(0) // what is still in the buffers must not arrive
		}
		p.far.tcp.Close()
	}
}

// lead takes over the connection to the backend; it is false where the passage has
// been ended meanwhile.
func (p *passage) lead(f *far) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.far = f; p.closed {
		f.tcp.Close()
	}
	return !p.closed
}

// run takes the connection from its beginning to its end.
func (p *passage) run(ctx context.Context) {
	if err := p.open(ctx); err != nil {
		p.end(causeOf(err))
		return
	}
	var group sync.WaitGroup
	figures := p.gateway.figuresOf(p.backend)
	group.Go(func() { p.flow(p.near, p.far.stream, &figures.sent, CauseBackend, CauseClient) })
	if err := p.first(&figures.received); err != nil {
		p.end(causeOf(err))
	} else {
		p.flow(p.far.stream, p.near, &figures.received, CauseClient, CauseBackend)
	}
	group.Wait()
	p.end(CauseClient) // which has a cause by now
}

// open brings client and backend together.
func (p *passage) open(ctx context.Context) error {
	tlsOptions := p.gateway.cfg.TLS
	if tlsOptions.HandshakeFirst && tlsOptions.Terminates() {
		if err := p.secure(ctx); err != nil {
			return err
		}
	}
	f, err := p.gateway.enter(ctx, p)
	if err != nil {
		return err
	}
	if !p.lead(f) {
		return errEnded
	}
	if err := p.greet(f); err != nil {
		return err
	}
	if tlsOptions.Terminates() && !tlsOptions.HandshakeFirst {
		if err := p.secure(ctx); err != nil {
			return err
		}
	}
	err = p.tellClient(f.lines.rest())
	f.greeting, f.lines = nil, lines{}
	return err
}

// greet gives the backend's INFO to the client.
func (p *passage) greet(f *far) error {
	if len(f.greeting) == 0 {
		return nil
	}
	cfg := &p.gateway.cfg
	gateways := cfg.Advertise
	if len(gateways) == 0 {
		gateways = namesOnLoopback(p.client.LocalAddr())
	}
	line, err := ownInfo(f.greeting, gateways, cfg.TLS.Terminates())
	if err != nil {
		return err
	}
	return p.tellClient(line)
}

// namesOnLoopback are the names by which a client on the same machine reaches
// address, none for an address that others reach.
func namesOnLoopback(address net.Addr) []string {
	tcp, ok := address.(*net.TCPAddr)
	if !ok || !tcp.IP.Equal(net.IPv4(127, 0, 0, 1)) {
		return nil
	}
	port := strconv.Itoa(tcp.Port)
	return []string{net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("localhost", port)}
}

func (p *passage) tellClient(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if err := p.near.SetWriteDeadline(time.Now().Add(p.gateway.cfg.HandshakeTimeout)); err != nil {
		return err
	}
	if _, err := p.near.Write(text); err != nil {
		return err
	}
	return p.near.SetWriteDeadline(time.Time{})
}

// secure speaks TLS with the client.
func (p *passage) secure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.gateway.cfg.HandshakeTimeout)
	defer cancel()
	server := tls.Server(p.client, p.gateway.cfg.TLS.Server)
	if err := server.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("%w: TLS: %w", ErrStranger, err)
	}
	p.near = server
	return nil
}

// first reads the client's first line, makes it quiet and passes it on. Where the
// client begins TLS with the backend, its bytes are passed on as they are.
func (p *passage) first(count *atomic.Int64) error {
	if err := p.near.SetReadDeadline(time.Now().Add(p.gateway.cfg.HandshakeTimeout)); err != nil {
		return err
	}
	in := lines{from: p.near}
	if err := in.fill(); err != nil {
		return err
	}
	var line []byte
	if !p.passesTLS(in.rest()) {
		var err error
		if line, err = in.next(); err != nil {
			return err
		}
		if !speaksNATS(line) {
			_ = p.tellClient([]byte("-ERR 'Unknown Protocol Operation'\r\n")) // as a server would
			return fmt.Errorf("%w: it begins with %s", ErrStranger, shown(line))
		}
		line = quietConnect(line)
	}
	if err := pass(p.far.stream, append(line[:len(line):len(line)], in.rest()...), count); err != nil {
		return err
	}
	return p.near.SetReadDeadline(time.Time{})
}

// passesTLS tells whether the client's first bytes begin TLS that isn't ours.
func (p *passage) passesTLS(begin []byte) bool {
	const handshake = 0x16
	return !p.gateway.cfg.TLS.Terminates() && len(begin) > 0 && begin[0] == handshake
}

// clientWords are what clients of the protocol may begin with.
var clientWords = [][]byte{
	connectWord, []byte("PING"), []byte("PONG"), []byte("SUB"), []byte("UNSUB"), []byte("PUB"), []byte("HPUB"),
}

func speaksNATS(line []byte) bool {
	word, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
	word, _, _ = bytes.Cut(word, []byte("\t"))
	for _, known := range clientWords {
		if bytes.EqualFold(word, known) {
			return true
		}
	}
	return false
}

// flow passes bytes on in one direction until src or dst has had enough: source
// and target are the causes for that. An orderly end of src is passed on too, and
// the other direction may finish.
func (p *passage) flow(dst, src net.Conn, count *atomic.Int64, source, target Cause) {
	err := relayAny(dst, src, count)
	var broken *targetError
	switch {
	case err == nil:
		p.note(source)
		finish(dst)
	case errors.As(err, &broken):
		p.end(target)
	default:
		p.end(source)
	}
}

func relayAny(dst io.Writer, src net.Conn, count *atomic.Int64) error {
	if tcp, ok := src.(*net.TCPConn); ok {
		return relay(dst, tcp, count)
	}
	return relayStream(dst, src, count)
}

// finish says that no more comes, and stops reading from conn soon.
func finish(conn net.Conn) {
	h, ok := conn.(half)
	if !ok || h.CloseWrite() != nil {
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(linger)) // fails on a connection that is closed already
}

// causeOf is what ended a passage that has not begun to flow.
func causeOf(err error) Cause {
	var broken *targetError
	var timeout net.Error
	switch {
	case errors.Is(err, errNoBackend):
		return CauseNone
	case errors.Is(err, ErrStranger):
		return CauseStranger
	case errors.As(err, &broken):
		return CauseBackend
	case errors.As(err, &timeout) && timeout.Timeout():
		return CauseStranger
	}
	return CauseClient
}
