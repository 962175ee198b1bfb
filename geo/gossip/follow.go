package gossip

import (
	"context"
	"slices"
	"time"
)

// follow does what a change of the view asks for, outside of memberlist's lock:
// it logs, remembers addresses and keeps our life number above older lives of
// ours.
func (m *Members) follow(ctx context.Context) {
	defer m.running.Done()
	known := m.Nodes()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.stirred:
			nodes := m.Nodes()
			m.logChanges(known, nodes)
			known = nodes
			m.outbid()
			m.remember()
		}
	}
}

func (m *Members) logChanges(before, after []Node) {
	log := m.cfg.Log
	for _, n := range after {
		i := slices.IndexFunc(before, func(old Node) bool { return old.key() == n.key() })
		switch {
		case i < 0:
			log.Info("node found", "region", n.Region, "node", n.Name, "nats", n.NATS, "boot", n.Boot)
		case before[i].Boot != n.Boot:
			log.Info("node is back", "region", n.Region, "node", n.Name, "nats", n.NATS, "boot", n.Boot)
		}
	}
	for _, n := range before {
		if !slices.ContainsFunc(after, func(now Node) bool { return now.key() == n.key() }) {
			log.Info("node gone", "region", n.Region, "node", n.Name, "boot", n.Boot)
		}
	}
}

// outbid raises our life number above that of older lives of ours and tells the
// others.
func (m *Members) outbid() {
	m.mu.Lock()
	number := m.number.Load()
	needed := m.view.outbid(number)
	others := m.view.otherSelves()
	m.mu.Unlock()
	if needed > number {
		m.number.Store(needed)
		// The call waits until the news was passed on. If that takes longer it
		// still will be.
		_ = m.list.UpdateNode(m.cfg.Timing.Gossip)
	}
	for _, other := range others {
		if m.cfg.Self.olderThan(other.node) {
			m.logs.warn("rival "+other.node.Boot,
				"another process has taken this node's name; if it doesn't replace this one, give one of the two another name",
				"region", other.node.Region, "node", other.node.Name, "nats", other.node.NATS, "boot", other.node.Boot)
		}
	}
}

// openBook reads the peers file.
func (m *Members) openBook() {
	m.book = book{Version: bookVersion}
	if m.cfg.PeersFile == "" {
		return
	}
	read, err := readBook(m.cfg.PeersFile)
	if err != nil {
		m.cfg.Log.Warn("the remembered peers can't be read; only the configured members to join are known",
			"file", m.cfg.PeersFile, "error", err)
		return
	}
	m.book = read
}

// remember notes the addresses of the nodes shown, in the file too if any is new
// or the last attempt failed.
func (m *Members) remember() {
	m.mu.Lock()
	shown := m.view.shown()
	m.mu.Unlock()
	m.bookMu.Lock()
	defer m.bookMu.Unlock()
	for _, l := range shown {
		if _, ok := plainAddr(l.addr.String()); ok && m.book.remember(l.node, l.addr) {
			m.unsaved = true
		}
	}
	m.save()
}

// save writes the book if need be. m.bookMu is held.
func (m *Members) save() {
	if !m.unsaved || m.cfg.PeersFile == "" {
		return
	}
	if err := m.book.write(m.cfg.PeersFile); err != nil {
		m.logs.warn("peers file", "the peers can't be remembered for the next start; is the folder there and writable, the disk full?",
			"file", m.cfg.PeersFile, "error", err)
		return
	}
	m.unsaved = false
}

// jitter spreads a pause by a quarter to both sides, so that nodes which started
// together don't call together for ever.
func jitter(pause time.Duration, random float64) time.Duration {
	return time.Duration(float64(pause) * (0.75 + random/2))
}
