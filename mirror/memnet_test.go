package mirror

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"geomq/geo"
)

// memNet connects sinks to one Sources, in memory, with faults.
type memNet struct {
	sources *Sources
	ctx     context.Context // ends what serves
	group   sync.WaitGroup

	mu    sync.Mutex
	hole  bool          // messages vanish, dials hang
	jam   bool          // messages vanish, and sending blocks
	delay time.Duration // one way
	// fault decides about each message; nil lets all through.
	fault func(toSink bool, data []byte) fault
	// sent sees each message as it was sent.
	sent  func(toSink bool, data []byte)
	conns []*memConn
	dials int
}

// fault is what happens to one message.
type fault int

const (
	pass fault = iota
	drop
	repeat
	swap // with the message behind it
	flip
	truncate
	late // by 100 ms, and with it all behind it
	cutOff
	replay // another session's frame comes before it
	faults
)

var faultNames = [...]string{"pass", "drop", "repeat", "swap", "flip", "truncate", "late", "cut", "replay"}

func (f fault) String() string { return faultNames[f] }

var errCut = errors.New("the connection was cut")

func (n *memNet) set(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

func (n *memNet) blocked() (hole, jam bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hole || n.jam, n.jam
}

func (n *memNet) Dial(ctx context.Context, _ geo.Region, hello []byte) (Conn, error) {
	n.set(func() { n.dials++ })
	if hole, _ := n.blocked(); hole {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	toSink, toSource := newPipe(), newPipe()
	sink := &memConn{net: n, in: toSink, out: toSource}
	source := &memConn{net: n, in: toSource, out: toSink, toSink: true}
	n.set(func() { n.conns = append(n.conns, sink) })
	n.group.Go(func() {
		first, err := source.Receive(n.ctx)
		if err == nil {
			n.sources.Serve(n.ctx, source, first)
		}
		source.Close()
	})
	return sink, sink.Send(ctx, hello)
}

// cutAll breaks every connection.
func (n *memNet) cutAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.in.close()
		c.out.close()
	}
}

// memConn is one side of a connection.
type memConn struct {
	net     *memNet
	in, out *pipe
	toSink  bool
	held    []byte // a message that waits to be overtaken
}

func (c *memConn) Send(ctx context.Context, data []byte) error {
	if c.out.closed() {
		return errCut
	}
	hole, jam := c.net.blocked()
	if jam {
		<-ctx.Done()
		return ctx.Err()
	}
	c.net.mu.Lock()
	if c.net.sent != nil {
		c.net.sent(c.toSink, data)
	}
	what, delay := pass, c.net.delay
	if c.net.fault != nil {
		what = c.net.fault(c.toSink, data)
	}
	c.net.mu.Unlock()
	if hole {
		return nil
	}
	c.deliver(what, bytes.Clone(data), delay)
	return nil
}

func (c *memConn) deliver(what fault, data []byte, delay time.Duration) {
	switch what {
	case drop:
		return
	case repeat:
		c.out.put(data, delay)
	case swap:
		if c.held == nil {
			c.held = data
			return
		}
	case flip:
		data[len(data)/2] ^= 4
	case truncate:
		data = data[:len(data)-len(data)/3-1]
	case late:
		delay += 100 * time.Millisecond
	case cutOff:
		c.in.close()
		c.out.close()
		return
	case replay:
		alien := sampleFrame(Zstd, 3)
		alien.Session = 12345
		c.out.put(Encode(nil, alien), delay)
	}
	c.out.put(bytes.Clone(data), delay)
	if c.held != nil {
		c.out.put(c.held, delay)
		c.held = nil
	}
}

func (c *memConn) Receive(ctx context.Context) ([]byte, error) { return c.in.take(ctx) }

// Close lets what was sent arrive.
func (c *memConn) Close() error {
	c.in.close()
	c.out.finish()
	return nil
}

// pipe is one direction of a connection; messages come in order.
type pipe struct {
	mu       sync.Mutex
	items    []parcel
	changed  chan struct{}
	cut      bool
	finished bool
}

type parcel struct {
	data []byte
	due  time.Time
}

func newPipe() *pipe { return &pipe{changed: make(chan struct{})} }

func (p *pipe) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *pipe) put(data []byte, delay time.Duration) {
	p.change(func() { p.items = append(p.items, parcel{data, time.Now().Add(delay)}) })
}
func (p *pipe) close()  { p.change(func() { p.cut, p.items = true, nil }) }
func (p *pipe) finish() { p.change(func() { p.finished = true }) }

func (p *pipe) closed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut || p.finished
}

func (p *pipe) take(ctx context.Context) ([]byte, error) {
	for {
		data, wait, changed, err := p.try()
		if data != nil || err != nil {
			return data, err
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-changed:
		case <-due:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *pipe) try() (data []byte, wait time.Duration, changed chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case len(p.items) > 0 && time.Until(p.items[0].due) > 0:
		return nil, time.Until(p.items[0].due), p.changed, nil
	case len(p.items) > 0:
		data, p.items = p.items[0].data, p.items[1:]
		return data, 0, nil, nil
	case p.cut || p.finished:
		return nil, 0, nil, errCut
	}
	return nil, 0, p.changed, nil
}
