package geotest

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// maxDatagram is as much as UDP carries.
const maxDatagram = 64 << 10

// relay stands in front of one region's gossip: others know its address only, over
// UDP and TCP, and it passes on to the region what comes from those it lets in.
//
// A datagram's sender is known by its address, so UDP is cut and delayed between
// two regions exactly. A TCP connection doesn't tell who opened it: while its region is cut
// from any other one, the relay takes none at all. That leaves the probes by UDP
// between the others as they are and delays only their full exchanges.
type relay struct {
	udp    *net.UDPConn
	tcp    *Proxy
	target *net.UDPAddr
	group  sync.WaitGroup
	closed chan struct{}

	mu      sync.Mutex // guards what follows
	blocked map[string]bool
	delays  map[string]time.Duration
}

// startRelay passes gossip on to target until the test ends.
func startRelay(t testing.TB, target string) *relay {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{tcp: StartProxy(t, target), target: to, closed: make(chan struct{}), blocked: map[string]bool{}, delays: map[string]time.Duration{}}
	at, err := net.ResolveUDPAddr("udp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if r.udp, err = net.ListenUDP("udp", at); err != nil {
		t.Fatal(err)
	}
	r.group.Go(r.run)
	t.Cleanup(func() {
		close(r.closed)
		r.udp.Close()
		r.group.Wait()
	})
	return r
}

// Addr is what the region advertises, host and port.
func (r *relay) Addr() string { return r.tcp.Addr() }

func (r *relay) run() {
	datagram := make([]byte, maxDatagram)
	for {
		n, from, err := r.udp.ReadFromUDP(datagram)
		if err != nil {
			return // closed
		}
		blocked, delay := r.weather(from.String())
		switch {
		case blocked:
		case delay > 0:
			late := slices.Clone(datagram[:n])
			r.group.Go(func() { r.later(delay, late) })
		default:
			r.pass(datagram[:n])
		}
	}
}

func (r *relay) pass(datagram []byte) { _, _ = r.udp.WriteToUDP(datagram, r.target) } // what is lost is lost

func (r *relay) later(delay time.Duration, datagram []byte) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		r.pass(datagram)
	case <-r.closed:
	}
}

// weather is what happens to what the region that listens at sender sends.
func (r *relay) weather(sender string) (blocked bool, delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blocked[sender], r.delays[sender]
}

// block drops what the region that listens at sender sends. A reset tells those
// who are connected so, and those who connect.
func (r *relay) block(sender string, how Cut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked[sender] = true
	if how == CutReset {
		r.tcp.Reset()
	} else {
		r.tcp.lose(upward, downward)
	}
}

// delay lets the datagrams of the region that listens at sender arrive later.
func (r *relay) delay(sender string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delays[sender] = d
}

// admit ends a block.
func (r *relay) admit(sender string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.blocked, sender)
	if len(r.blocked) == 0 {
		r.tcp.Heal()
	}
}
