package vote

import (
	"fmt"
	"slices"
)

// Status is what a party knows about its target.
type Status struct {
	Voters Voters
	// Reached are the voters that answer, oneself included.
	Reached []Party
	// Voted is this party's own highest vote, Claim its own claim, if any.
	Voted Term
	Claim *Record
	// Serving says that Extend was given and has not lapsed.
	Serving bool
	// NeedsPerson says that nothing will go on by itself: a majority is out of
	// reach.
	NeedsPerson bool
	// Text says it to people, and what they can do.
	Text string
}

// Status is as of the last Step.
func (m *Machine) Status() Status {
	s := Status{Voters: m.voters, Voted: m.lastVote().Term, Claim: m.own().claim, Serving: m.serving}
	for _, p := range m.voters.Members {
		if m.reaches(p) {
			s.Reached = append(s.Reached, p)
		}
	}
	s.NeedsPerson = m.intent == claims && !m.serving && !m.enough(m.reaches)
	s.Text = m.say(s)
	return s
}

func (m *Machine) say(s Status) string {
	target, self := m.cfg.Target, m.cfg.Self
	switch {
	case m.serving:
		return fmt.Sprintf("%s serves %s under term %s.", self, target, m.mine)
	case s.NeedsPerson:
		away := slices.DeleteFunc(slices.Clone(m.voters.Members), m.reaches)
		return fmt.Sprintf("%s waits for a person: %d of %d voters answer, %d are needed; %s do not. Bring one back, or, if they are stopped for sure, claim it without them by name.",
			target, len(s.Reached), len(m.voters.Members), m.voters.Needed(), list(away))
	case m.intent == claims:
		return m.sayClaim()
	case m.cfg.Abstain != "" && m.voters.Has(self):
		return fmt.Sprintf("%s does not vote on %s: %s. Take it out of the voters, and add it again under another name.", self, target, m.cfg.Abstain)
	}
	if left, holder := m.granter.Left(m.now); left > 0 && holder != "" {
		return fmt.Sprintf("%s has granted %s to %s for %v more.", self, target, holder, left)
	}
	return fmt.Sprintf("%s claims nothing of %s.", self, target)
}

func (m *Machine) sayClaim() string {
	c := m.own().claim
	switch {
	case c == nil || c.Stage == Withdrawn || m.mine == Term{}:
		return fmt.Sprintf("%s is about to claim %s.", m.cfg.Self, m.cfg.Target)
	case c.Stage == Wanted:
		n := count(m.voters.Members, m.votedFor(c.Term))
		return fmt.Sprintf("%s claims %s with term %d: %d of %d votes are read, %d are needed.", m.cfg.Self, m.cfg.Target, c.Term.N, n, len(m.voters.Members), m.voters.Needed())
	case c.Stage == Elected:
		return fmt.Sprintf("%s is elected for %s with term %d, and asks the holders where they end.", m.cfg.Self, m.cfg.Target, c.Term.N)
	}
	return fmt.Sprintf("%s has %s with term %d, and waits for its lease.", m.cfg.Self, m.cfg.Target, c.Term.N)
}
