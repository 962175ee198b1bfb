package vote

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"geomq/geo/lease"
)

// Config is what a party knows of a target.
type Config struct {
	Self   Party
	Target Target
	// Voters are those that the party starts with; what its records say is newer.
	Voters Voters
	// Logs are the target's, none for one that is a mere decision. Holders are the
	// parties that keep them.
	Logs    []string
	Holders []Party
	// Lease is the same at all parties.
	Lease lease.Terms
	// Started is when this process began, on the clock that Step is given, or
	// later; Life a number that no other process of this party ever had.
	Started time.Duration
	Life    uint64
	// Silence is after how long a party that was not heard of counts as out of
	// reach, Patience how long a claim that can't win waits before it is made
	// anew, and how long a holder that is in reach is waited for.
	Silence, Patience time.Duration
	// Margin is what the logs may take in 10 s at peak rate. Less than MinMargin
	// counts as MinMargin.
	Margin uint64
	// Abstain says why this party must not vote: its control log may have lost
	// records that were on disk, as with a new disk or an older image of it. It is
	// a voter again under another name, or when the voters have been changed
	// twice: without it, and with it again and its folder made anew.
	Abstain string
}

func (c Config) problem() string {
	switch {
	case !named(string(c.Self)) || !named(string(c.Target)):
		return fmt.Sprintf("the party %.40q or the target %.40q has no name", c.Self, c.Target)
	case len(c.Voters.Members) == 0:
		return "nobody votes"
	case len(c.Logs) > maxLogs:
		return fmt.Sprintf("%d logs are more than %d: divide the target", len(c.Logs), maxLogs)
	case c.Life >= top:
		return "its life is no number of a life"
	case c.Silence <= 0 || c.Patience <= 0:
		return "it has no silence or no patience"
	}
	if problem := problemOfVoters(c.Voters); problem != "" {
		return problem
	}
	if err := c.Lease.Validate(); err != nil {
		return err.Error()
	}
	for _, log := range c.Logs {
		if !named(log) {
			return fmt.Sprintf("a log is called %.40q", log)
		}
	}
	return ""
}

// party is what is known of one, oneself included.
type party struct {
	claim, vote, promise *Record // durable
	heard                time.Duration
	answers              bool // was ever heard of
}

// Machine is one party's part in deciding about one target. It is used from one
// goroutine.
type Machine struct {
	cfg     Config
	now     time.Duration
	parties map[Party]*party
	known   map[string]Reach // offsets that any writer may have used
	actions []Action
	writes  uint64

	voterState
	holderState
	claimState
}

// New takes up where the own control log ends: own are its records of this
// target, in order, and what it holds of other targets is passed over. The error
// wraps ErrConfig.
func New(cfg Config, own []Record) (*Machine, error) {
	if problem := cfg.problem(); problem != "" {
		return nil, fmt.Errorf("%w: %s", ErrConfig, problem)
	}
	m := &Machine{cfg: cfg, now: cfg.Started, parties: map[Party]*party{}, known: map[string]Reach{}}
	m.voters = cfg.Voters
	m.granter = lease.NewGranter(cfg.Lease, cfg.Started)
	m.lease = lease.NewHolder(cfg.Lease)
	for _, r := range own {
		m.take(cfg.Self, r)
	}
	if vote := m.own().vote; vote != nil && vote.Voters.Version >= m.voters.Version {
		m.voters = vote.Voters
	}
	return m, nil
}

// Step takes note of an event and says what to do, in this order. now is a
// reading of a clock as in lease/clock, later than Config.Started; it never goes
// back. What does not fit is passed over.
func (m *Machine) Step(now time.Duration, event Event) []Action {
	m.now = max(m.now, now)
	m.actions = nil
	switch e := event.(type) {
	case Read:
		m.read(e)
	case Written:
		m.written(e.ID)
	case Heard:
		m.heardOf(e.From)
	case Asked:
		m.asked(e)
	case Granted:
		m.granted(e)
	case Frozen:
		m.frozen(e)
	case Ready:
		m.ready(e)
	case Raise:
		m.raise(e.Reaches)
	case Claim:
		m.claim(e.Override)
	case Withdraw:
		m.withdraw()
	case Reconfigure:
		m.reconfigure(e.Voters)
	}
	m.settle()
	m.consider()
	m.promise()
	m.pursue()
	return m.actions
}

func (m *Machine) do(a Action) { m.actions = append(m.actions, a) }

// write hands a record over and says under which number it will be Written.
func (m *Machine) write(r Record) *pending {
	r.Format, r.Target, r.Party = format, m.cfg.Target, m.cfg.Self
	m.writes++
	m.do(Write{ID: m.writes, Record: r})
	return &pending{id: m.writes, record: r}
}

// pending is a record that is not known to be on disk.
type pending struct {
	id     uint64
	record Record
}

// written lets a record count, as if it had been read.
func (m *Machine) written(id uint64) {
	for _, slot := range []**pending{&m.voting, &m.promising, &m.claiming} {
		if p := *slot; p != nil && p.id == id {
			*slot = nil
			m.take(m.cfg.Self, p.record)
		}
	}
}

// read passes over what is not from who it says, or from nobody who matters.
func (m *Machine) read(e Read) {
	if e.From == e.Record.Party && e.From != m.cfg.Self && m.matters(e.From) {
		m.take(e.From, e.Record)
	}
}

// matters bounds whom the machine remembers.
func (m *Machine) matters(p Party) bool {
	return p == m.cfg.Self || m.voters.Has(p) || slices.Contains(m.voters.Before, p) || slices.Contains(m.cfg.Holders, p) ||
		m.next != nil && m.next.Has(p)
}

func (m *Machine) heardOf(p Party) {
	if p != m.cfg.Self && m.matters(p) {
		m.at(p).heard, m.at(p).answers = m.now, true
	}
}

// reaches tells whether p was heard of lately.
func (m *Machine) reaches(p Party) bool {
	at, known := m.parties[p]
	return p == m.cfg.Self || known && at.answers && m.now-at.heard < m.cfg.Silence
}

func (m *Machine) at(p Party) *party {
	if m.parties[p] == nil {
		m.parties[p] = &party{}
	}
	return m.parties[p]
}

func (m *Machine) own() *party { return m.at(m.cfg.Self) }

// take keeps a durable record unless a later one of its kind is there.
func (m *Machine) take(from Party, r Record) {
	if r.Target != m.cfg.Target || r.validate() != nil {
		return
	}
	p := m.at(from)
	slot := map[Kind]**Record{KindClaim: &p.claim, KindVote: &p.vote, KindPromise: &p.promise}[r.Kind]
	if old := *slot; old != nil && older(r, *old) {
		return
	}
	*slot = &r
	if r.Kind != KindPromise {
		m.learn(r.Reaches)
	}
	if r.Kind == KindVote {
		m.propose(r.Voters)
	}
	// Only what this voter granted for: a log that is read again from its beginning
	// tells of earlier terms once more.
	if r.Kind == KindClaim && r.Stage == Withdrawn && r.Term == m.lastVote().Term {
		m.granter.Release(m.now, string(from))
	}
}

// older tells whether r comes before s in the log of who wrote both.
func older(r, s Record) bool {
	switch {
	case r.Term.N != s.Term.N:
		return r.Term.N < s.Term.N
	case r.Voters.Version != s.Voters.Version:
		return r.Voters.Version < s.Voters.Version
	}
	return stages[r.Stage] < stages[s.Stage]
}

// learn adds to what is known of the offsets that writers may have used.
func (m *Machine) learn(reaches []Reach) {
	for _, r := range reaches {
		if _, there := m.known[r.Log]; there || len(m.known) < maxLogs {
			m.known[r.Log] = m.known[r.Log].merge(r)
		}
	}
}

func (m *Machine) knownReaches() []Reach {
	reaches := make([]Reach, 0, len(m.known))
	for _, r := range m.known {
		reaches = append(reaches, r)
	}
	slices.SortFunc(reaches, func(a, b Reach) int { return cmp.Compare(a.Log, b.Log) })
	return reaches
}
