package geotest

import (
	"net"
	"sync"
	"testing"
)

// maxDatagram is as much as UDP carries.
const maxDatagram = 64 << 10

// relay stands in front of one region's gossip: others know its address only, over
// UDP and TCP, and it passes on to the region what comes from those it lets in.
//
// A datagram's sender is known by its address, so UDP is cut between two regions
// exactly. A TCP connection doesn't tell who opened it: while its region is cut
// from any other one, the relay takes none at all. That leaves the probes by UDP
// between the others as they are and delays only their full exchanges.
type relay struct {
	udp    *net.UDPConn
	tcp    *Proxy
	target *net.UDPAddr
	group  sync.WaitGroup

	mu      sync.Mutex      // guards blocked
	blocked map[string]bool // host:port of senders
}

// startRelay passes gossip on to target until the test ends.
func startRelay(t testing.TB, target string) *relay {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{tcp: StartProxy(t, target), target: to, blocked: map[string]bool{}}
	at, err := net.ResolveUDPAddr("udp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if r.udp, err = net.ListenUDP("udp", at); err != nil {
		t.Fatal(err)
	}
	r.group.Go(r.run)
	t.Cleanup(func() {
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
		if !r.blocks(from.String()) {
			_, _ = r.udp.WriteToUDP(datagram[:n], r.target) // what is lost is lost
		}
	}
}

func (r *relay) blocks(sender string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blocked[sender]
}

// block drops what the region that listens at sender sends.
func (r *relay) block(sender string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked[sender] = true
	r.tcp.lose(upward, downward)
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
