package delay

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy takes connections on loopback and passes them on to a target.
type Proxy struct {
	target   string
	listener net.Listener
	group    sync.WaitGroup

	mu     sync.Mutex // guards what follows
	path   *Path
	conns  map[net.Conn]bool
	closed bool
}

// Path is what the connections have in common that were taken between one call
// of Open and the next.
type Path struct {
	half  time.Duration
	bytes atomic.Uint64
	once  sync.Once
	used  chan struct{} // closed with at
	at    time.Time
}

// Used is closed when the first connection has been taken.
func (p *Path) Used() <-chan struct{} { return p.used }

// Began is when the first connection was taken; zero before Used is closed.
func (p *Path) Began() time.Time {
	select {
	case <-p.used:
		return p.at
	default:
		return time.Time{}
	}
}

// Bytes is how many bytes have come in so far, both directions together.
func (p *Path) Bytes() uint64 { return p.bytes.Load() }

// Listen opens a proxy in front of target, host:port, which need not listen yet.
// Until Open is called nothing is delayed.
func Listen(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a proxy in front of %s: %w", target, err)
	}
	p := &Proxy{target: target, listener: listener, conns: map[net.Conn]bool{}}
	p.Open(0)
	p.group.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Open begins a new Path of the given round trip. Connections that exist stay on
// theirs.
func (p *Proxy) Open(roundTrip time.Duration) *Path {
	path := &Path{half: roundTrip / 2, used: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.path = path
	return path
}

// Close ends all connections at once and waits for them. Calling it again does
// nothing.
func (p *Proxy) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	for conn := range p.conns {
		conn.Close()
	}
	p.mu.Unlock()
	if first {
		p.listener.Close()
	}
	p.group.Wait()
	return nil
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		path := p.path
		p.mu.Unlock()
		path.once.Do(func() {
			path.at = time.Now()
			close(path.used)
		})
		p.group.Go(func() { p.serve(path, near) })
	}
}

func (p *Proxy) serve(path *Path, near net.Conn) {
	defer p.drop(near)
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer p.drop(far)
	if !p.keep(near, far) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { path.carry(far, near) })
	both.Go(func() { path.carry(near, far) })
	both.Wait()
}

// keep notes connections for Close; false: it has been called.
func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.conns[conn] = true
	}
	return !p.closed
}

func (p *Proxy) drop(conn net.Conn) {
	conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// carry moves bytes one way until the sender ends, then tells the receiver.
func (p *Path) carry(to, from net.Conn) {
	q := newQueue(p.half)
	var writer sync.WaitGroup
	writer.Go(func() {
		if !q.drain(to) {
			from.Close() // nobody reads any more
		}
		if half, ok := to.(*net.TCPConn); ok {
			_ = half.CloseWrite() // fails only on a connection that is gone
		}
	})
	for {
		buffer := q.buffer()
		n, err := from.Read(buffer)
		p.bytes.Add(uint64(n))
		if err != nil || !q.put(buffer[:n]) {
			break
		}
	}
	q.end()
	writer.Wait()
}
