package gossip

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

const (
	// joinsAtOnce bounds how many addresses are tried side by side, so that
	// those which never answer don't keep the others waiting.
	joinsAtOnce = 8
	// eager is how many times faster than Rejoin the first attempt of a node
	// that knows nobody is repeated; the pace halves until it is Rejoin.
	eager = 16
)

// keepJoining tries, for as long as we live, to reach seeds and remembered peers
// that aren't alive. Without it two sides that lost each other for longer than
// memberlist remembers dead nodes would never meet again.
func (m *Members) keepJoining(ctx context.Context) {
	defer m.running.Done()
	full := m.cfg.Timing.Rejoin
	pause := full / eager
	for {
		err := m.join(ctx)
		switch {
		case !m.alone():
			pause = full
		case pause == full:
			m.logAlone(ctx, err)
		}
		timer := time.NewTimer(jitter(pause, rand.Float64()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		pause = min(2*pause, full)
	}
}

// join makes one attempt at every address that isn't alive. The error tells of
// those that failed.
func (m *Members) join(ctx context.Context) error {
	targets, err := m.targets(ctx)
	errs := []error{err}
	var mu sync.Mutex
	var running sync.WaitGroup
	slots := make(chan struct{}, joinsAtOnce)
	for addr := range targets {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		running.Go(func() {
			defer func() { <-slots }()
			if _, err := m.list.Join([]string{addr.String()}); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// targets are the addresses of seeds and remembered peers that no living member
// has, nor we.
func (m *Members) targets(ctx context.Context) (map[netip.AddrPort]struct{}, error) {
	targets := make(map[netip.AddrPort]struct{})
	var errs []error
	for _, seed := range m.cfg.Join {
		addrs, err := lookUpSeed(ctx, seed)
		errs = append(errs, err)
		for _, addr := range addrs {
			targets[addr] = struct{}{}
		}
	}
	for _, addr := range m.remembered() {
		targets[addr] = struct{}{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, addr := range m.reached {
		delete(targets, addr)
	}
	if own, ok := plainAddr(m.Addr()); ok {
		delete(targets, own)
	}
	return targets, errors.Join(errs...)
}

func lookUpSeed(ctx context.Context, seed string) (addrs []netip.AddrPort, err error) {
	host, portText, err := net.SplitHostPort(seed)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	ips, err := lookUp(ctx, host)
	for _, ip := range ips {
		addrs = append(addrs, netip.AddrPortFrom(ip, uint16(port)))
	}
	return addrs, err
}

func (m *Members) remembered() (addrs []netip.AddrPort) {
	m.bookMu.Lock()
	defer m.bookMu.Unlock()
	for _, p := range m.book.Peers {
		if addr, ok := plainAddr(p.Addr); ok {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// alone tells whether no other member is alive.
func (m *Members) alone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for member := range m.reached {
		if member != m.cfg.Self.member() {
			return false
		}
	}
	return true
}

func (m *Members) logAlone(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	m.logs.warn("alone", "no other node answers yet; going on without and trying again",
		"join", m.cfg.Join, "error", err)
}
