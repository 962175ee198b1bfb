package gossip

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"geomq/geo"
)

// Members is one node's part in the gossip and its view of all nodes.
type Members struct {
	cfg  Config
	logs *logBridge
	list *memberlist.Memberlist
	wire *transport
	// number is our life number as announced.
	number atomic.Uint64
	// stirred wakes the goroutine that follows the view; one token is enough,
	// since it looks at everything.
	stirred chan struct{}
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	view    *view
	nodes   []Node // view.nodes() as last published
	changed chan struct{}
	reached map[string]netip.AddrPort // gossip addresses of all living members, by member name
	over    bool                      // nothing is heard any more

	bookMu sync.Mutex // guards the book and its file
	book   book
	// unsaved says that the file lacks something of the book.
	unsaved bool

	endMu  sync.Mutex // serialises Leave and Close
	left   bool
	closed bool
}

// Nodes lists the nodes believed alive, this one included, by region and name. Of
// several lives of one node it has the newest. After Close it stays as it was.
func (m *Members) Nodes() []Node {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.nodes)
}

// Region lists the nodes of one region as Nodes does.
func (m *Members) Region(region geo.Region) []Node {
	return slices.DeleteFunc(m.Nodes(), func(n Node) bool { return n.Region != region })
}

// Changed is closed when Nodes changes the next time. Take it before Nodes, so
// that no change falls between, and take a new one after it was closed:
//
//	for {
//		changed := members.Changed()
//		use(members.Nodes())
//		<-changed
//	}
//
// After Close nothing changes any more; wait for your own end beside it.
func (m *Members) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

// Addr is the host:port on which gossip listens, with its real port.
func (m *Members) Addr() string { return m.wire.own }

// heard takes in news of a living member.
func (m *Members) heard(member string, addr netip.AddrPort, meta []byte) {
	node, number, err := decodeMeta(member, meta)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return
	}
	m.reached[member] = addr
	if err != nil {
		m.logs.log.Debug("gossip member left out of the view", "member", member, "reason", err)
		m.view.ended(member)
	} else {
		m.view.heard(node, number, addr)
	}
	m.publish()
}

// ended takes in that a member is gone.
func (m *Members) ended(member string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return
	}
	delete(m.reached, member)
	m.view.ended(member)
	m.publish()
}

// publish shows the view and wakes who follows it. m.mu is held.
func (m *Members) publish() {
	if nodes := m.view.nodes(); !slices.Equal(nodes, m.nodes) {
		m.nodes = nodes
		close(m.changed)
		m.changed = make(chan struct{})
	}
	select {
	case m.stirred <- struct{}{}:
	default:
	}
}

// Leave tells the others that this node goes, so that they take it out of their
// views at once, and waits until that was passed on or the timeout is over; then
// the error wraps ErrLeave. The gossip goes on listening: Close ends it. A second
// Leave, and one after Close, does nothing.
func (m *Members) Leave(timeout time.Duration) error {
	m.endMu.Lock()
	defer m.endMu.Unlock()
	if m.left || m.closed {
		return nil
	}
	m.left = true
	m.stop()
	// Zero would mean to memberlist to wait without end.
	if err := m.list.Leave(max(timeout, time.Nanosecond)); err != nil {
		return fmt.Errorf("%w within %s: %w", ErrLeave, timeout, err)
	}
	return nil
}

// Close ends all gossip and waits for the goroutines that Open started. Without
// a Leave before it the others find out by silence, as if the process had been
// killed. It is idempotent; the error is that of closing the sockets.
func (m *Members) Close() error {
	m.endMu.Lock()
	defer m.endMu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	m.silence()
	m.stop()
	err := m.wire.Shutdown()
	m.list.Shutdown()
	m.running.Wait()
	return err
}

// silence makes memberlist's last moves go unheard: its probes outlive Close and
// would declare the whole world dead.
func (m *Members) silence() {
	m.logs.silent.Store(true)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
}
