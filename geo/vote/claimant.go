package vote

import (
	"fmt"
	"slices"
	"time"

	"geomq/geo/lease"
)

// claimState is a Machine's part as a claimant. Its durable part is the own claim.
type claimState struct {
	intent   intent
	override *Override
	claiming *pending // a claim on its way to the disk
	retry    time.Duration

	// Of the claim of this process; an earlier one's that was not open is made anew.
	mine    Term
	elected time.Duration // when it was known to be
	planned bool

	lease    *lease.Holder
	askNext  time.Duration
	wanted   []Reach            // asked for with each request
	scope    uint64             // counts what wanted was
	scopes   map[uint64][]Reach // of the requests that are not granted yet, and the last one that is
	extended time.Duration
	serving  bool
	since    time.Duration // when the open claim last began to wait for its lease
}

type intent int

const (
	undecided intent = iota // after a start: nothing is said yet about an earlier claim
	claims
	withdraws
)

// claim begins to claim, or goes on with a claim that an earlier process opened.
func (m *Machine) claim(o *Override) {
	if why := m.problemOf(o); why != "" {
		m.do(Refused{why})
		return
	}
	started := m.intent == undecided
	m.intent = claims
	if c := m.own().claim; started && c != nil && c.Stage == Open {
		m.mine, m.override, m.since = c.Term, c.Override, m.now
		m.want(c.Reaches)
	}
	if o != nil {
		m.override, m.mine = o, Term{}
	}
}

// problemOf says why a person's word can't be taken.
func (m *Machine) problemOf(o *Override) string {
	if o == nil {
		return ""
	}
	if problem := (Record{Override: o}).problemOfOverride(); problem != "" {
		return fmt.Sprintf("%s is not claimed: %s.", m.cfg.Target, problem)
	}
	without := func(p Party) bool { return slices.Contains(o.Without, p) }
	switch {
	case count(m.voters.Members, without) == len(m.voters.Members):
		return fmt.Sprintf("%s is not claimed: nobody is left to vote. Leave out only who can't be reached.", m.cfg.Target)
	case !m.voters.Majority(without) || o.Stopped:
		return ""
	}
	return fmt.Sprintf("%s is not claimed: %s are a majority, and if they run they have a master of their own. Make sure that they are stopped, and say so.",
		m.cfg.Target, list(o.Without))
}

func (m *Machine) withdraw() { m.intent = withdraws }

// enough tells whether these voters are a majority, or all that a person left.
func (m *Machine) enough(has func(Party) bool) bool {
	if m.voters.Majority(has) {
		return true
	}
	return m.override != nil && !slices.ContainsFunc(m.voters.Members, func(p Party) bool {
		return !has(p) && !slices.Contains(m.override.Without, p)
	})
}

// pursue brings the claim forward by as much as what is known allows.
func (m *Machine) pursue() {
	m.lapse()
	if m.claiming != nil {
		return
	}
	c := m.own().claim
	live := c != nil && c.Stage != Withdrawn
	switch winner := m.winner(); {
	case m.intent == undecided:
	case m.intent == withdraws:
		if live {
			m.end(*c, "it is withdrawn")
		}
	case live && winner != nil && winner.Term.Compare(c.Term) > 0:
		m.end(*c, fmt.Sprintf("term %s has won", winner.Term))
		m.intent = withdraws
		m.again()
		m.do(Lost{To: winner.Term})
	case !live || m.mine != c.Term:
		m.claimAnew()
	default:
		m.advance(*c)
	}
}

// winner is the highest term of another party that says it is elected.
func (m *Machine) winner() (best *Record) {
	for p, at := range m.parties {
		if c := at.claim; p != m.cfg.Self && c != nil && (c.Stage == Elected || c.Stage == Open) &&
			(best == nil || c.Term.Compare(best.Term) > 0) {
			best = c
		}
	}
	return best
}

// claimAnew takes the next number, if a majority is in reach.
func (m *Machine) claimAnew() {
	if m.now < m.retry || !m.enough(m.reaches) {
		return
	}
	m.fence(m.mine, "it is claimed anew: too many voters have voted for something later")
	n, epoch := m.highest()
	m.mine, m.planned, m.elected = Term{N: n + 1, Claimant: m.cfg.Self}, false, 0
	m.lease, m.scopes, m.wanted, m.askNext = lease.NewHolder(m.cfg.Lease), nil, nil, 0
	m.claiming = m.write(Record{Kind: KindClaim, Term: m.mine, Epoch: epoch + 1, Voters: m.voters, Stage: Wanted, Override: m.override})
}

// highest are the highest numbers of a term and of an epoch that anybody told of.
func (m *Machine) highest() (n, epoch uint64) {
	n, epoch = m.lastVote().Term.N, max(m.lastVote().Epoch, m.knownEpoch(), m.floor())
	for _, at := range m.parties {
		for _, r := range []*Record{at.claim, at.vote, at.promise} {
			if r == nil {
				continue
			}
			n, epoch = max(n, r.Term.N), max(epoch, r.Epoch)
			for _, reach := range r.Reaches {
				epoch = max(epoch, reach.Epochs.Latest().Number)
			}
		}
	}
	return n, epoch
}

func (m *Machine) advance(c Record) {
	switch {
	case c.Stage == Wanted && m.takenUp(m.voters) && c.Voters.Same(m.voters) && m.enough(m.votedFor(c.Term)):
		m.elected = m.now
		m.restage(c, Elected, nil)
		return
	case m.hopeless(c):
		m.again()
		return
	case c.Stage == Elected && !m.planned && m.promised(c):
		m.plan(c)
	}
	if c.Stage == Elected || c.Stage == Open {
		m.ask(c)
		m.extend(c)
	}
}

func (m *Machine) votedFor(t Term) func(Party) bool {
	return func(p Party) bool {
		at := m.parties[p]
		return at != nil && at.vote != nil && at.vote.Term == t && at.vote.Voters.Same(m.voters)
	}
}

// hopeless tells whether a later claim would do better than this one: voters
// enough are in reach, but too few of them can still vote for it, or grant it the
// lease. One that gets no lease although nothing seems to speak against it must
// not go on asking for ever: the voters vote for nobody else meanwhile.
func (m *Machine) hopeless(c Record) bool {
	could := m.mayGrant
	if c.Stage == Wanted {
		could = m.mayVoteFor
	}
	if m.serving || !m.enough(m.reaches) {
		return false
	}
	stuck := c.Stage == Open && m.cfg.Lease.Length > 0 && m.now > m.since+2*(m.cfg.Lease.Wait()+m.cfg.Patience)
	return stuck || !m.enough(func(p Party) bool { return m.reaches(p) && could(c, p) })
}

func (m *Machine) mayVoteFor(c Record, p Party) bool {
	at := m.parties[p]
	switch {
	case !c.Voters.Same(m.voters):
		return false
	case at == nil || at.vote == nil || at.vote.Term == c.Term:
		return true
	}
	return at.vote.Term.N < c.Term.N && max(at.vote.Epoch, m.knownEpoch()) < c.Epoch
}

func (m *Machine) mayGrant(c Record, p Party) bool {
	at := m.parties[p]
	return at == nil || at.vote == nil || at.vote.Term.N <= c.Term.N
}

// again has the claim made anew after a pause, which differs between claimants so
// that they don't go on dividing the votes.
func (m *Machine) again() {
	rank := 0
	for p := range m.parties {
		if p < m.cfg.Self {
			rank++
		}
	}
	m.mine, m.retry = Term{}, m.now+m.cfg.Patience*time.Duration(rank+1)/4
}

func (m *Machine) restage(c Record, stage Stage, reaches []Reach) {
	c.Stage, c.Reaches = stage, reaches
	m.claiming = m.write(c)
}

// end gives the claim up; what was served is fenced first.
func (m *Machine) end(c Record, why string) {
	m.fence(c.Term, why)
	m.mine, m.override = Term{}, nil
	m.restage(c, Withdrawn, nil)
}

// promised tells whether every holder that is in reach has promised, oneself
// always. Who is slow is not waited for longer than Patience.
func (m *Machine) promised(c Record) bool {
	for _, p := range m.cfg.Holders {
		at := m.parties[p]
		done := at != nil && at.promise != nil && at.promise.Term == c.Term
		late := p != m.cfg.Self && m.now >= m.elected+m.cfg.Patience
		if !done && !late && m.reaches(p) {
			return false
		}
	}
	return true
}

// plan decides how each log goes on, unless a holder knows of later epochs than
// the claim's.
func (m *Machine) plan(c Record) {
	plans := make([]Plan, 0, len(m.cfg.Logs))
	for _, log := range m.cfg.Logs {
		p := planning{log: log, self: m.cfg.Self, epoch: c.Epoch, margin: m.cfg.Margin, sources: m.sources(c.Term, log), known: m.known[log]}
		if slices.ContainsFunc(p.sources, func(s Source) bool { return s.Reach.Epochs.Latest().Number >= c.Epoch }) {
			m.again()
			return
		}
		plans = append(plans, p.plan())
	}
	m.planned = true
	m.do(Opening{Term: c.Term, Plans: plans})
}

// sources are the holders that promised a term, with what they have of a log.
func (m *Machine) sources(t Term, log string) (sources []Source) {
	for p, at := range m.parties {
		if at.promise == nil || at.promise.Term != t {
			continue
		}
		for _, r := range at.promise.Reaches {
			if r.Log == log {
				sources = append(sources, Source{Party: p, Reach: r})
			}
		}
	}
	return sources
}

// ready has the claim say so; then the lease is asked for with these tables and
// offsets. An epoch that its opener recorded before a majority knew of it might
// contradict that of the next term, which nobody told of it.
func (m *Machine) ready(e Ready) {
	c := m.own().claim
	if !m.planned || m.claiming != nil || c == nil || c.Stage != Elected || e.Term != m.mine || c.Term != m.mine ||
		m.intent != claims || problemOfReaches(e.Reaches) != "" {
		return
	}
	m.since = m.now
	m.want(e.Reaches)
	m.restage(*c, Open, e.Reaches)
}
