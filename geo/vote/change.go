package vote

import (
	"fmt"
	"maps"
	"slices"
)

// reconfigure takes a person's word for the next version of the voters.
func (m *Machine) reconfigure(next Voters) {
	switch problem := problemOfVoters(next); {
	case problem != "" || len(next.Members) == 0:
		m.do(Refused{fmt.Sprintf("The voters on %s stay as they are: %s.", m.cfg.Target, problem)})
	case next.Same(m.voters):
	case !member(next, m.cfg.Self):
		m.do(Refused{fmt.Sprintf("%s does not vote on %s: name the change to a voter.", m.cfg.Self, m.cfg.Target)})
	case !next.follows(m.voters):
		m.do(Refused{fmt.Sprintf("The voters on %s stay as they are: %s does not follow %s. Change one voter at a time, and wait for each change to be taken up.",
			m.cfg.Target, next, m.voters)})
	case m.next != nil && m.next.Version == next.Version && !m.next.Same(next):
		m.do(Refused{fmt.Sprintf("Another change of the voters on %s is under way: %s.", m.cfg.Target, m.next)})
	default:
		m.next = &next
	}
}

// propose takes note of a later configuration in another party's record.
func (m *Machine) propose(v Voters) {
	if v.Version < m.voters.Version || v.Same(m.voters) || v.Version == m.voters.Version && !m.takenUp(v) {
		return
	}
	if m.next == nil || v.Version > m.next.Version || m.takenUp(v) {
		m.next = &v
	}
}

// takenUp tells whether a majority of the members before v votes under v or later:
// then no version before v can ever decide anything again.
func (m *Machine) takenUp(v Voters) bool {
	return len(v.Before) == 0 || majority(v.Before, func(p Party) bool {
		at := m.parties[p]
		return at != nil && at.vote != nil && (at.vote.Voters.Same(v) || at.vote.Voters.Version > v.Version)
	})
}

// settle notes since when the configuration is known to be taken up.
func (m *Machine) settle() {
	if m.of != m.voters.Version && m.takenUp(m.voters) {
		m.of, m.settled = m.voters.Version, m.now
	}
}

// adopt takes up a later configuration if it may, and tells whether that takes a
// write: only who votes before or after has to remember.
func (m *Machine) adopt() bool {
	next := m.untie()
	if next == nil && m.next != nil && m.mayAdopt(*m.next) {
		next = m.next
	}
	if next == nil {
		return false
	}
	m.voters, m.next = *next, nil
	maps.DeleteFunc(m.parties, func(p Party, _ *party) bool { return !m.matters(p) })
	m.settle()
	if !member(m.voters, m.cfg.Self) || m.cfg.Abstain != "" {
		return false
	}
	last := m.lastVote()
	m.vote(last.Term, last.Epoch)
	return true
}

// member tells whether p votes under v or did before.
func member(v Voters, p Party) bool { return v.Has(p) || slices.Contains(v.Before, p) }

// mayAdopt: a version is followed by the next once it is taken up itself, and once
// every lease under the one before it must have lapsed. A version that is taken up
// by others is safe to join at once: they have waited. Who does not vote joins no
// other: nobody would hear of it.
func (m *Machine) mayAdopt(next Voters) bool {
	if m.takenUp(next) {
		return true
	}
	return member(next, m.cfg.Self) && next.follows(m.voters) && m.of == m.voters.Version && m.now >= m.settled+m.cfg.Lease.Wait()
}

// untie takes up what all choose where two people have named different versions at
// once and neither got a majority: once every earlier member has chosen and the
// choices are divided for good, nothing was ever decided under any of them, and
// the first in order is as good as another.
func (m *Machine) untie() *Voters {
	if m.takenUp(m.voters) {
		return nil
	}
	first := m.voters
	for _, p := range m.voters.Before {
		at := m.parties[p]
		if at == nil || at.vote == nil || at.vote.Voters.Version != m.voters.Version || m.takenUp(at.vote.Voters) {
			return nil
		}
		if v := at.vote.Voters; slices.Compare(v.Members, first.Members) < 0 {
			first = v
		}
	}
	if first.Same(m.voters) {
		return nil
	}
	return &first
}
