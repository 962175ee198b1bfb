package vote

import (
	"slices"
	"time"

	"geomq/geo/lease"
)

// voterState is a Machine's part as a voter. Its durable part is the own vote.
type voterState struct {
	voters  Voters // the configuration that it votes under
	granter lease.Granter
	voting  *pending // a vote on its way to the disk; it binds, and does not count yet
	votedAt time.Duration
	waiting *Asked // granted when the offsets it asks for are on disk

	next    *Voters // a later configuration that was heard of
	settled time.Duration
	// of is the version that settled tells the time of.
	of uint64
}

// votes tells whether this party votes now.
func (m *Machine) votes() bool { return m.cfg.Abstain == "" && m.voters.Has(m.cfg.Self) }

// lastVote is the vote that binds: the one on its way to the disk if there is one.
func (m *Machine) lastVote() Record {
	switch own := m.own().vote; {
	case m.voting != nil:
		return m.voting.record
	case own != nil:
		return *own
	}
	return Record{Kind: KindVote}
}

// consider votes, or takes up a later configuration, if there is reason to.
func (m *Machine) consider() {
	if m.voting != nil {
		return
	}
	m.answerWaiting()
	if m.adopt() || !m.votes() || m.voting != nil {
		return
	}
	c := m.bestClaim()
	if c == nil || !m.granter.Lapsed(m.now, string(c.Party)) || m.hurried(c.Party) {
		return
	}
	m.votedAt = m.now
	m.vote(c.Term, c.Epoch)
}

// hurried tells whether somebody else's claim was voted for so lately that it has
// had no time to win. Safety does not rest on it.
func (m *Machine) hurried(claimant Party) bool {
	return m.votedAt > 0 && m.now < m.votedAt+m.cfg.Patience && m.lastVote().Term.Claimant != claimant
}

func (m *Machine) vote(term Term, epoch uint64) {
	m.voting = m.write(Record{Kind: KindVote, Term: term, Epoch: epoch, Voters: m.voters, Reaches: m.knownReaches()})
}

// bestClaim is the highest claim that this voter may vote for, or nil. Those of
// parties that are out of reach are let be, for they can't make use of it.
func (m *Machine) bestClaim() (best *Record) {
	last := m.lastVote()
	for p, at := range m.parties {
		c := at.claim
		if c == nil || c.Stage == Withdrawn || c.Term.N <= last.Term.N || !c.Voters.Same(m.voters) || !m.reaches(p) {
			continue
		}
		if c.Epoch > max(last.Epoch, m.knownEpoch()) && (best == nil || c.Term.Compare(best.Term) > 0) {
			best = c
		}
	}
	return best
}

// knownEpoch is the highest number of an epoch that a writer may have opened.
func (m *Machine) knownEpoch() (number uint64) {
	for _, r := range m.known {
		number = max(number, r.Epochs.Latest().Number)
	}
	return number
}

// asked grants a lease to the term that this voter voted for last, once the
// offsets that the master wants to use are on disk here.
func (m *Machine) asked(e Asked) {
	m.heardOf(e.From)
	if !m.grantable(e) || problemOfReaches(e.Ask.Reaches) != "" {
		return
	}
	if !covers(m.own().vote.Reaches, e.Ask.Reaches) {
		m.learn(e.Ask.Reaches)
		m.waiting = &e
		return
	}
	m.grant(e)
}

func (m *Machine) grantable(e Asked) bool {
	own := m.own().vote
	return m.votes() && own != nil && e.From == e.Ask.Term.Claimant && e.Ask.Target == m.cfg.Target && e.Ask.Length <= m.cfg.Lease.Length &&
		own.Term == e.Ask.Term && m.lastVote().Term == e.Ask.Term
}

// answerWaiting grants what waited for the disk, or writes down what it waits for.
func (m *Machine) answerWaiting() {
	if m.waiting == nil {
		return
	}
	e := *m.waiting
	switch {
	case !m.grantable(e):
		m.waiting = nil
	case covers(m.own().vote.Reaches, e.Ask.Reaches):
		m.waiting = nil
		m.grant(e)
	default:
		m.vote(m.own().vote.Term, m.own().vote.Epoch)
	}
}

func (m *Machine) grant(e Asked) {
	m.granter.Grant(m.now, string(e.From))
	g := Grant{Target: m.cfg.Target, Term: e.Ask.Term, Life: e.Ask.Life, Number: e.Ask.Number, Under: m.own().vote.Voters.Version}
	if e.From == m.cfg.Self {
		m.granted(Granted{From: e.From, Grant: g})
		return
	}
	m.do(SendGrant{To: e.From, Grant: g})
}

// covers tells whether everything that is asked for is among what is there.
func covers(there, asked []Reach) bool {
	return !slices.ContainsFunc(asked, func(a Reach) bool {
		return !slices.ContainsFunc(there, func(t Reach) bool {
			return t.Log == a.Log && t.Offset >= a.Offset && t.Epochs.Latest().Number >= a.Epochs.Latest().Number
		})
	})
}
