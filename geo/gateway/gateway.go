package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Gateway takes clients to backends.
type Gateway struct {
	cfg      Config
	listener *net.TCPListener
	dialer   dialer
	group    sync.WaitGroup // passages
	closing  sync.Once

	mu       sync.Mutex // guards what follows
	machine  *Machine
	passages map[*passage]struct{}
	figures  map[string]*figures
	closed   map[Cause]uint64 // of passages that reached no backend
	news     chan struct{}    // closed when a backend is judged differently
	stranded bool             // no backend takes clients, and that has been said
	full     bool             // and that has been said
}

// New opens the listener, so that Addr is known and a busy port shows at once (as
// an error that matches syscall.EADDRINUSE). Nobody is served until Run. Other
// errors wrap ErrConfig.
func New(cfg Config) (*Gateway, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("gateway at %s: %w", cfg.Listen, err)
	}
	return &Gateway{
		cfg: cfg, listener: listener.(*net.TCPListener), dialer: dialer{timeout: cfg.DialTimeout, tls: cfg.TLS},
		machine: NewMachine(cfg.Terms), passages: map[*passage]struct{}{}, figures: map[string]*figures{},
		closed: map[Cause]uint64{}, news: make(chan struct{}),
	}, nil
}

// Addr is host:port for clients, its port the real one.
func (g *Gateway) Addr() string { return g.listener.Addr().String() }

// Run serves until ctx ends and returns nil then, after it has taken leave of its
// clients over Config.DrainTime. An error says why the listener failed. It is
// called once.
func (g *Gateway) Run(ctx context.Context) error {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { g.watch(watching) })
	group.Go(func() { g.beat(watching) })
	g.cfg.Log.Info("gateway serves clients", "listen", g.Addr())
	release := context.AfterFunc(ctx, g.Close)
	err := g.accept(watching)
	release()
	g.Close()
	g.takeLeave()
	stop()
	group.Wait()
	g.group.Wait()
	return err
}

// Close stops taking new clients and makes Run return. It may be called more than
// once; where Run was never called it frees the address.
func (g *Gateway) Close() { g.closing.Do(func() { g.listener.Close() }) }

// beat brings the time to the machine.
func (g *Gateway) beat(ctx context.Context) {
	for wait(ctx, g.cfg.Terms.Beat) {
		g.step(Tick{})
	}
}

// accept takes clients until the listener is closed.
func (g *Gateway) accept(ctx context.Context) error {
	for trouble := false; ; {
		client, err := g.listener.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // such as too many open files
			if !trouble {
				g.cfg.Log.Error("clients can't be accepted; raise the limit of open files if it is that", "listen", g.Addr(), "error", err)
			}
			trouble = true
			wait(ctx, 50*time.Millisecond)
		default:
			trouble = false
			g.admit(ctx, client)
		}
	}
}

// admit begins a passage, if there is room for one.
func (g *Gateway) admit(ctx context.Context, client *net.TCPConn) {
	ctx, cancel := context.WithCancel(ctx)
	p := &passage{gateway: g, client: client, near: client, cancel: cancel}
	if !g.enrol(p) {
		cancel()
		client.Close()
		return
	}
	g.keepAlive(client)
	g.group.Go(func() {
		defer g.strike(p)
		p.run(ctx)
	})
}

// keepAlive has the kernel find out about a machine that is gone.
func (g *Gateway) keepAlive(conn *net.TCPConn) {
	quiet := g.cfg.Unacknowledged
	_ = conn.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: quiet / 2, Interval: quiet / 6, Count: 3}) // what is closed needs none
	limitUnacknowledged(conn, quiet)
}

// takeLeave closes all connections, spread over Config.DrainTime.
func (g *Gateway) takeLeave() {
	const rounds = 20
	for left := rounds; left > 0; left-- {
		g.mu.Lock()
		share := (len(g.passages) + left - 1) / left
		leaving := make([]*passage, 0, share)
		for p := range g.passages {
			if len(leaving) == share {
				break
			}
			leaving = append(leaving, p)
		}
		g.mu.Unlock()
		if len(leaving) == 0 {
			return
		}
		for _, p := range leaving {
			p.end(CauseShutdown)
		}
		wait(context.Background(), g.cfg.DrainTime/rounds)
	}
}

// figures count what happened with one backend.
type figures struct {
	received, sent atomic.Int64 // bytes from and to clients

	opened, failed uint64           // guarded by the gateway's lock, as are the others
	closed         map[Cause]uint64 // passages
	became         map[State]uint64
}

// figuresOf are a backend's, which stay when it goes.
func (g *Gateway) figuresOf(backend string) *figures {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count(backend)
}

// count is figuresOf under the lock.
func (g *Gateway) count(backend string) *figures {
	f := g.figures[backend]
	if f == nil {
		f = &figures{closed: map[Cause]uint64{}, became: map[State]uint64{}}
		g.figures[backend] = f
	}
	return f
}
