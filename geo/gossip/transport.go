package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// portTries is how often a port that is free for TCP may turn out to be taken
// for UDP.
const portTries = 16

// transport is memberlist's own, with connections that end when it does: without
// that a join that hangs, or a stranger who connects and says nothing, would keep
// goroutines alive long after Close.
type transport struct {
	*memberlist.NetTransport
	own     string // ip:port listened on
	cut     func(addr string) bool
	ctx     context.Context
	cancel  context.CancelFunc
	streams chan net.Conn
	drained chan struct{} // closed when no connection comes in any more
	pumps   sync.WaitGroup
	once    sync.Once

	mu     sync.Mutex
	conns  map[*tracked]struct{}
	closed bool
}

// listen opens TCP and UDP on one port.
func listen(ip netip.Addr, port int, cut func(string) bool, logs *logBridge) (*transport, error) {
	cfg := &memberlist.NetTransportConfig{BindAddrs: []string{ip.String()}, BindPort: port, Logger: logs.logger()}
	tries := 1
	if port == 0 {
		tries = portTries
	}
	var errs error
	for range tries {
		inner, err := memberlist.NewNetTransport(cfg)
		if err == nil {
			return newTransport(inner, ip, cut), nil
		}
		errs = errors.Join(errs, err)
		if !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	return nil, errs
}

func newTransport(inner *memberlist.NetTransport, ip netip.Addr, cut func(string) bool) *transport {
	t := &transport{
		NetTransport: inner,
		own:          netip.AddrPortFrom(ip, uint16(inner.GetAutoBindPort())).String(),
		cut:          cut,
		streams:      make(chan net.Conn),
		drained:      make(chan struct{}),
		conns:        make(map[*tracked]struct{}),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.pumps.Add(1)
	go t.pump()
	return t
}

// pump passes incoming connections on, each tracked. It goes on until the
// listener has ended, which would else be stuck handing one over.
func (t *transport) pump() {
	defer t.pumps.Done()
	for {
		select {
		case conn := <-t.NetTransport.StreamCh():
			t.handOver(conn)
		case <-t.drained:
			return
		}
	}
}

func (t *transport) handOver(conn net.Conn) {
	kept := t.track(conn)
	select {
	case t.streams <- kept:
	case <-t.ctx.Done():
		kept.Close()
	}
}

// StreamCh replaces the embedded transport's.
func (t *transport) StreamCh() <-chan net.Conn { return t.streams }

// WriteToAddress replaces the embedded transport's.
func (t *transport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	if t.cut != nil && t.cut(a.Addr) {
		return time.Now(), nil
	}
	return t.NetTransport.WriteToAddress(b, a)
}

// WriteTo replaces the embedded transport's.
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	return t.WriteToAddress(b, memberlist.Address{Addr: addr})
}

// DialAddressTimeout replaces the embedded transport's.
func (t *transport) DialAddressTimeout(a memberlist.Address, limit time.Duration) (net.Conn, error) {
	if t.cut != nil && t.cut(a.Addr) {
		return nil, fmt.Errorf("%s is cut off", a.Addr)
	}
	dialer := net.Dialer{Timeout: limit}
	conn, err := dialer.DialContext(t.ctx, "tcp", a.Addr)
	if err != nil {
		return nil, err
	}
	return t.track(conn), nil
}

// DialTimeout replaces the embedded transport's.
func (t *transport) DialTimeout(addr string, limit time.Duration) (net.Conn, error) {
	return t.DialAddressTimeout(memberlist.Address{Addr: addr}, limit)
}

// Shutdown ends listening and every connection. It is idempotent.
func (t *transport) Shutdown() (err error) {
	t.once.Do(func() {
		t.cancel()
		err = t.NetTransport.Shutdown()
		close(t.drained)
		t.pumps.Wait()
		t.closeConns()
	})
	return err
}

func (t *transport) closeConns() {
	t.mu.Lock()
	t.closed = true
	conns := t.conns
	t.conns = nil
	t.mu.Unlock()
	for conn := range conns {
		conn.Conn.Close()
	}
}

func (t *transport) track(conn net.Conn) net.Conn {
	kept := &tracked{Conn: conn, of: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		conn.Close()
		return kept
	}
	t.conns[kept] = struct{}{}
	return kept
}

// tracked is a connection that its transport knows of until it is closed.
type tracked struct {
	net.Conn
	of *transport
}

func (c *tracked) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
