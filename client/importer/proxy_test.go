package importer

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a client and the broker and does what bad networks do.
type proxy struct {
	t        *testing.T
	listener net.Listener
	broker   string

	mu    sync.Mutex
	links map[*link]bool
	down  bool
	ended sync.WaitGroup
}

// link is one connection through the proxy.
type link struct {
	client, broker net.Conn
	deaf           bool // what the broker says is thrown away
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	parsed, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: listener, broker: parsed.Host, links: map[*link]bool{}}
	p.ended.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.drop()
		p.ended.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.open(conn)
	}
}

func (p *proxy) open(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		conn.Close()
		return
	}
	broker, err := net.Dial("tcp", p.broker)
	if err != nil {
		conn.Close()
		return
	}
	l := &link{client: conn, broker: broker}
	p.links[l] = true
	p.ended.Go(func() { p.copy(l, broker, conn, nil) })
	p.ended.Go(func() { p.copy(l, conn, broker, &l.deaf) })
}

// copy moves bytes until either end closes.
func (p *proxy) copy(l *link, to, from net.Conn, deaf *bool) {
	defer l.client.Close()
	defer l.broker.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		lost := deaf != nil && *deaf
		p.mu.Unlock()
		if lost {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// deafen throws away from now on what the broker says on the connections that
// there are; what the client says still arrives.
func (p *proxy) deafen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.deaf = true
	}
}

// drop closes all connections and refuses new ones until heal is called.
func (p *proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for l := range p.links {
		l.client.Close()
		l.broker.Close()
	}
	clear(p.links)
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}
