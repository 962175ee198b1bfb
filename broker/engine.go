package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// ErrEngine goes to who asks Failing, and to writers that get no answer: the
// server's storage refuses writes for good, for what the text says, most often a
// full disk. Make room, then Restart.
var ErrEngine = errors.New("the storage engine refuses writes until it is started again")

// engine is the embedded server of a Broker; Restart puts another in its place.
type engine struct {
	turn sync.Mutex // held while the server is replaced or closed

	mu      sync.RWMutex // guards what follows
	current *server.Server
	log     *engineLog
	address *net.TCPAddr       // where it listens, the same after a Restart
	closed  bool               // by Close
	cancel  context.CancelFunc // ends the Restart under way
}

// server is the one that runs now; nil before the first.
func (b *Broker) server() *server.Server {
	b.engine.mu.RLock()
	defer b.engine.mu.RUnlock()
	return b.engine.current
}

// use makes s, which logs into log, the server that runs now.
func (e *engine) use(s *server.Server, log *engineLog) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current, e.log = s, log
}

// keepPorts notes where the server listens, so that the next one, which others
// have to find again, listens there too.
func (b *Broker) keepPorts(s *server.Server) {
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	if b.engine.address != nil {
		return
	}
	b.engine.address, _ = s.Addr().(*net.TCPAddr)
	b.cfg.Listen = withPort(b.cfg.Listen, b.engine.address)
	if b.cfg.clustered() {
		b.cfg.ClusterListen = withPort(b.cfg.ClusterListen, s.ClusterAddr())
	}
}

// listens is where the server can be reached, also while it is started again.
func (e *engine) listens() net.TCPAddr {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.address == nil {
		return net.TCPAddr{}
	}
	return *e.address
}

func withPort(address string, taken *net.TCPAddr) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != "0" || taken == nil {
		return address
	}
	return net.JoinHostPort(host, fmt.Sprint(taken.Port))
}

// Failing tells why the server's storage refuses writes: an error that wraps
// ErrEngine, or nil if all is well. Such a server gives producers no answer and
// stays as it is until Restart. It costs nothing to ask often.
func (b *Broker) Failing() error {
	b.engine.mu.RLock()
	s, log := b.engine.current, b.engine.log
	b.engine.mu.RUnlock()
	switch {
	case s == nil || !s.Running():
		return fmt.Errorf("%w: server %s does not run", ErrEngine, b.cfg.Name)
	case log.writeFailure() != "":
		return fmt.Errorf("%w: server %s said: %s", ErrEngine, b.cfg.Name, log.writeFailure())
	case !s.JetStreamEnabled():
		return fmt.Errorf("%w: server %s has shut its storage down: %s", ErrEngine, b.cfg.Name, log.complaint())
	}
	return nil
}

// Restart stops the server and starts another one in this process, with the same
// name, ports and data. The Broker's own connections come back by themselves,
// clients' as their libraries do it; Readers and Appenders end with an error;
// ServerID is another. It returns when JetStream answers. After an error, which
// is one of Open's, no server runs: try again once the reason is gone. Close
// ends a Restart (ErrClosed).
func (b *Broker) Restart(ctx context.Context) error {
	b.engine.turn.Lock()
	defer b.engine.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := b.engine.restarts(cancel)
	if err == nil {
		err = b.restart(ctx)
	}
	if err != nil && b.engine.isClosed() {
		err = ErrClosed
	}
	if err != nil {
		b.stopServer() // so that nobody takes what is half up for a broker
		return fmt.Errorf("restart broker %s: %w", b.cfg.Name, err)
	}
	return nil
}

func (b *Broker) restart(ctx context.Context) error {
	b.stopServer()
	// The port is free, but whoever asked for any may have got it in between.
	err := again(ctx, ErrPortBusy, func() error { return b.startServer(ctx) })
	if err != nil {
		return err
	}
	for _, conn := range []*nats.Conn{b.conn, b.system} {
		if err := again(ctx, errNotYet, func() error { return connected(conn) }); err != nil {
			return err
		}
	}
	return b.awaitJetStream(ctx)
}

// again repeats what fails with that error, until ctx ends.
func again(ctx context.Context, with error, attempt func() error) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := attempt()
		if !errors.Is(err, with) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

// connected returns when the server has taken back what the connection
// subscribed to, errNotYet if it isn't back.
func connected(conn *nats.Conn) error {
	if !conn.IsConnected() {
		return fmt.Errorf("%w: a connection of ours is not back", errNotYet)
	}
	if err := conn.FlushTimeout(time.Second); err != nil {
		return fmt.Errorf("%w: %w", errNotYet, err)
	}
	return nil
}

// connectionError takes what a connection of ours reports beside the calls that
// fail; while the server is started again, that is each write.
func (b *Broker) connectionError(_ *nats.Conn, _ *nats.Subscription, err error) {
	b.cfg.Log.Debug("a connection to this region's server had an error", "server", b.cfg.Name, "err", err)
}

// unsent tells whether a connection of ours broke off under what was sent: it
// comes back, and the same can be sent again.
func unsent(err error) bool {
	var broken *net.OpError
	return errors.As(err, &broken) || errors.Is(err, nats.ErrDisconnected) || errors.Is(err, nats.ErrReconnectBufExceeded)
}

// stopServer returns when the server's files are closed.
func (b *Broker) stopServer() {
	if s := b.server(); s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

func (e *engine) restarts(cancel context.CancelFunc) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.cancel = cancel
	return nil
}

func (e *engine) isClosed() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.closed
}

// close ends a Restart that is under way; none begins any more.
func (e *engine) close() {
	e.mu.Lock()
	e.closed = true
	if e.cancel != nil {
		e.cancel()
	}
	e.mu.Unlock()
	e.turn.Lock()
	defer e.turn.Unlock()
}
