package geotest

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// Cut says how a path between two regions breaks.
type Cut string

const (
	// CutReset ends every connection by a RST, and every new one at once.
	CutReset Cut = "reset"
	// CutBlackHole swallows all bytes in both directions and tells nobody. What
	// was connected stays silent for ever, also after the heal; who connects
	// hears nothing until the heal.
	CutBlackHole Cut = "black hole"
	// CutOneWay swallows the bytes in one direction only. Connections that lost
	// some stay silent in that direction, also after the heal.
	CutOneWay Cut = "one way"
	// CutHalfOpen takes one end of every connection away by a RST, as a machine
	// does that has forgotten it; the other end stays open, silent for ever. New
	// connections are none the worse.
	CutHalfOpen Cut = "half open"
)

// Proxy is a TCP proxy that can be harmed. Its methods may be called from any
// number of goroutines.
type Proxy struct {
	listener net.Listener
	target   string
	group    sync.WaitGroup
	closed   chan struct{}

	mu      sync.Mutex // guards what follows
	weather weather
	calls   map[*call]struct{}
	tapes   *[]*Tape // of the connections since Capture, or nil
}

// weather is what a Proxy does to the bytes that pass.
type weather struct {
	reset bool
	lose  [2]bool       // by direction
	delay time.Duration // in each direction
	slice int           // most bytes per write; 0 sets no limit
	rate  int           // bytes per second in each direction; 0 sets no limit
}

// direction is that in which bytes pass a Proxy.
type direction int

const (
	upward   direction = iota // from who connected to the target
	downward                  // back
)

// The ends of a call: direction d leads from end d to the other one.
const (
	nearEnd = int(upward)
	farEnd  = int(downward)
)

// StartProxy listens on loopback and passes everything on to target, until the
// test ends.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, closed: make(chan struct{}), calls: map[*call]struct{}{}}
	p.group.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where the proxy listens, host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Reset ends all connections by a RST and goes on doing so until Heal.
func (p *Proxy) Reset() {
	p.change(func(w *weather) { w.reset = true })
	for _, c := range p.open() {
		c.reset()
	}
}

// HalfOpen ends every connection by a RST towards who opened it, or towards the
// target, and leaves the other end open and silent. It is done at once: who
// connects then is served.
func (p *Proxy) HalfOpen(towardsTarget bool) {
	end := nearEnd
	if towardsTarget {
		end = farEnd
	}
	for _, c := range p.open() {
		c.forget(end)
	}
}

// lose swallows all bytes in the given directions until Heal.
func (p *Proxy) lose(directions ...direction) {
	p.change(func(w *weather) {
		for _, d := range directions {
			w.lose[d] = true
		}
	})
	for _, c := range p.open() {
		for _, d := range directions {
			c.lost[d].Store(true)
		}
	}
}

// Delay lets each byte arrive that much later, in both directions.
func (p *Proxy) Delay(d time.Duration) { p.change(func(w *weather) { w.delay = d }) }

// Slice cuts the stream into writes of at most n bytes; 0 ends that.
func (p *Proxy) Slice(n int) { p.change(func(w *weather) { w.slice = n }) }

// Rate passes at most n bytes per second in each direction; 0 ends that.
func (p *Proxy) Rate(n int) { p.change(func(w *weather) { w.rate = n }) }

// Heal ends a Reset and every loss. Connections that lost bytes stay as they
// are: nobody tells their ends.
func (p *Proxy) Heal() {
	p.change(func(w *weather) { w.reset, w.lose = false, [2]bool{} })
}

func (p *Proxy) change(f func(*weather)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.weather)
}

func (p *Proxy) now() weather {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.weather
}

func (p *Proxy) open() []*call {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*call
	for c := range p.calls {
		all = append(all, c)
	}
	return all
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.group.Go(func() { p.serve(near.(*net.TCPConn)) })
	}
}

// serve takes one connection to its end.
func (p *Proxy) serve(near *net.TCPConn) {
	if !p.connects() {
		_ = near.SetLinger(0) // what the peer gets is a RST
		near.Close()
		return
	}
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = near.SetLinger(0)
		near.Close()
		return
	}
	c := &call{proxy: p, ended: make(chan struct{})}
	c.conns = [2]*net.TCPConn{near, far.(*net.TCPConn)}
	if !p.add(c) {
		c.reset()
		return
	}
	c.run()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, c)
}

// add takes note of c unless the path was cut in the meantime.
func (p *Proxy) add(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
		return false
	default:
	}
	for d, lose := range p.weather.lose {
		c.lost[d].Store(lose)
	}
	p.calls[c] = struct{}{}
	if p.tapes != nil {
		c.tape = &Tape{}
		*p.tapes = append(*p.tapes, c.tape)
	}
	return !p.weather.reset
}

// connects waits as the handshake of TCP would and tells whether it succeeds:
// what is lost is sent again after 1, 3 and 7 seconds, and three one-way delays
// pass until the far side may speak.
func (p *Proxy) connects() bool {
	for again := time.Second; ; again *= 2 {
		w := p.now()
		switch {
		case w.reset:
			return false
		case !slices.Contains(w.lose[:], true):
			return w.delay == 0 || p.sleep(3*w.delay)
		case again > 4*time.Second || !p.sleep(again):
			return false
		}
	}
}

// sleep waits for d and tells whether the proxy is still open.
func (p *Proxy) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.closed:
		return false
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	close(p.closed)
	p.mu.Unlock()
	p.listener.Close()
	for _, c := range p.open() {
		c.reset()
	}
	p.group.Wait()
}
