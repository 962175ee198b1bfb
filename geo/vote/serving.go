package vote

import (
	"maps"
	"slices"
	"time"

	"geomq/geo/lease"
)

// asksPerLease is how many requests are sent in a lease's length: some may be
// lost.
const asksPerLease = 5

// ask asks all voters for the lease when it is time.
func (m *Machine) ask(c Record) {
	if m.cfg.Lease.Length <= 0 || m.now < m.askNext {
		return
	}
	m.askNext = m.now + m.cfg.Lease.Length/asksPerLease
	request := Ask{
		Target: m.cfg.Target, Term: c.Term, Life: m.cfg.Life, Number: m.lease.Ask(m.now, m.scope),
		Length: m.cfg.Lease.Length, Reaches: m.wanted,
	}
	for _, p := range m.voters.Members {
		if p == m.cfg.Self {
			m.asked(Asked{From: p, Ask: request})
			continue
		}
		m.do(SendAsk{To: p, Ask: request})
	}
}

func (m *Machine) granted(e Granted) {
	m.heardOf(e.From)
	g := e.Grant
	if g.Target == m.cfg.Target && g.Term == m.mine && g.Life == m.cfg.Life && m.matters(e.From) && g.Under < top {
		m.lease.Granted(lease.Grant{Voter: string(e.From), Under: g.Under, Number: g.Number})
	}
}

// quorum is enough for package lease.
func (m *Machine) quorum(has func(string) bool) bool {
	return m.enough(func(p Party) bool { return has(string(p)) })
}

// raise asks for more offsets with the next request, which is sent at once.
func (m *Machine) raise(reaches []Reach) {
	c := m.own().claim
	if problemOfReaches(reaches) == "" && c != nil && c.Stage == Open && m.mine == c.Term {
		m.want(reaches)
		m.askNext = 0
	}
}

func (m *Machine) want(reaches []Reach) {
	reaches = slices.Clone(reaches)
	for i, r := range reaches { // a greater scope contains a smaller one
		if at := slices.IndexFunc(m.wanted, func(w Reach) bool { return w.Log == r.Log }); at >= 0 {
			reaches[i] = m.wanted[at].merge(r)
		}
	}
	m.scope++
	m.wanted = reaches
	granted := m.lease.Scope(m.voters.Version, m.quorum)
	maps.DeleteFunc(m.scopes, func(scope uint64, _ []Reach) bool { return scope < granted || scope > granted && scope+1 < m.scope })
	if m.scopes == nil {
		m.scopes = map[uint64][]Reach{}
	}
	m.scopes[m.scope] = reaches
}

// extend lets the master serve while the lease lasts.
func (m *Machine) extend(c Record) {
	until := m.lease.Until(m.voters.Version, m.quorum)
	reaches, ok := m.offsets()
	if c.Stage != Open || !ok || until <= max(m.now, m.extended) || m.of != m.voters.Version {
		return
	}
	m.serving, m.extended = true, until
	m.do(Extend{Term: c.Term, Until: until, Reaches: reaches})
}

// offsets are those that a quorum has on disk as ones that may be used.
func (m *Machine) offsets() (reaches []Reach, ok bool) {
	granted, best := m.lease.Scope(m.voters.Version, m.quorum), uint64(0)
	for scope, r := range m.scopes {
		if scope <= granted && scope > best {
			best, reaches, ok = scope, r, true
		}
	}
	return reaches, ok
}

// lapse fences a master whose lease has run out. The Guard has said no before.
func (m *Machine) lapse() {
	if m.serving && m.now >= m.extended {
		m.serving, m.extended, m.since = false, 0, m.now
		m.do(Fence{Term: m.mine, Why: "its lease has lapsed: too few voters answer"})
	}
}

// fence ends what a term serves, or what it is about to.
func (m *Machine) fence(t Term, why string) {
	if m.serving || m.planned {
		m.serving, m.planned, m.extended = false, false, 0
		m.do(Fence{Term: t, Why: why})
	}
}

// LeaseLeft is for how much longer the master may serve, 0 if it may not.
func (m *Machine) LeaseLeft(now time.Duration) time.Duration {
	if !m.serving {
		return 0
	}
	return max(m.extended-now, 0)
}
