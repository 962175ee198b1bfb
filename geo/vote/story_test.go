package vote

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/lease"
)

// pair are machines whose records, requests and grants reach each other at once,
// unless they are cut off.
type pair struct {
	t        *testing.T
	now      time.Duration
	machines map[Party]*Machine
	disks    map[Party][]Record
	away     map[Party]bool
	done     []Action
}

func newPair(t *testing.T, target Target, voters Voters, parties ...Party) *pair {
	p := &pair{t: t, now: time.Hour, machines: map[Party]*Machine{}, disks: map[Party][]Record{}, away: map[Party]bool{}}
	for _, self := range parties {
		cfg := Config{
			Self: self, Target: target, Voters: voters, Lease: terms, Started: 0, Life: 1,
			Silence: time.Second, Patience: time.Second, Holders: parties, Logs: []string{theLog},
		}
		if strings.HasPrefix(string(target), "down/") {
			cfg.Lease, cfg.Holders, cfg.Logs = lease.Terms{}, nil, nil
		}
		m, err := New(cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.machines[self] = m
	}
	return p
}

// tell gives one machine an event, and carries out what follows.
func (p *pair) tell(to Party, e Event) {
	for _, a := range p.machines[to].Step(p.now, e) {
		p.done = append(p.done, a)
		switch a := a.(type) {
		case Write:
			p.disks[to] = append(p.disks[to], a.Record)
			p.tell(to, Written{a.ID})
			p.others(to, Read{From: to, Record: a.Record})
		case SendAsk:
			p.send(to, a.To, Asked{From: to, Ask: a.Ask})
		case SendGrant:
			p.send(to, a.To, Granted{From: to, Grant: a.Grant})
		case Freeze:
			p.tell(to, Frozen{Term: a.Term, Reaches: []Reach{{Log: theLog, Epochs: geo.FirstEpochs(), Offset: 40}}})
		case Opening:
			ready := Ready{Term: a.Term}
			for _, plan := range a.Plans {
				ready.Reaches = append(ready.Reaches, Reach{Log: plan.Log, Epochs: plan.Table, Offset: plan.Table.Latest().First + 500})
			}
			p.tell(to, ready)
		}
	}
}

func (p *pair) send(from, to Party, e Event) {
	if !p.away[from] && !p.away[to] && p.machines[to] != nil {
		p.tell(to, e)
	}
}

func (p *pair) others(from Party, e Event) {
	for _, to := range sortedParties(p.machines) {
		if to != from {
			p.send(from, to, e)
		}
	}
}

func sortedParties(machines map[Party]*Machine) (all []Party) {
	for p := range machines {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// back ends a party's being cut off: the control logs catch up.
func (p *pair) back(party Party) {
	p.away[party] = false
	for _, other := range sortedParties(p.machines) {
		for _, r := range slices.Clone(p.disks[other]) {
			p.send(other, party, Read{From: other, Record: r})
		}
		for _, r := range slices.Clone(p.disks[party]) {
			p.send(party, other, Read{From: party, Record: r})
		}
	}
}

// pass lets time pass with heartbeats.
func (p *pair) pass(d time.Duration) {
	for end := p.now + d; p.now < end; {
		p.now += 100 * time.Millisecond
		for _, self := range sortedParties(p.machines) {
			p.others(self, Heard{From: self})
			p.tell(self, Tick{})
		}
	}
}

func (p *pair) wantServing(self Party, want bool) {
	p.t.Helper()
	if s := p.machines[self].Status(); s.Serving != want {
		p.t.Fatalf("%s serves: %v; %s", self, s.Serving, s.Text)
	}
}

func (p *pair) wantText(self Party, words ...string) {
	p.t.Helper()
	for _, w := range words {
		if text := p.machines[self].Status().Text; !strings.Contains(text, w) {
			p.t.Errorf("%s says %q, not %q", self, text, w)
		}
	}
}

func (p *pair) refusal() (text string) {
	for _, a := range p.done {
		if r, ok := a.(Refused); ok {
			text = r.Why
		}
	}
	return text
}

// TestTwoThatLoseEachOtherWaitForAPerson, who takes one of them for gone; the
// other has fenced itself by then, and follows when it is back.
func TestTwoThatLoseEachOtherWaitForAPerson(t *testing.T) {
	p := newPair(t, theTopic, FirstVoters("eu", "us"), "eu", "us")
	p.pass(time.Second)
	p.tell("us", Claim{})
	p.pass(time.Second)
	p.wantServing("us", true)
	p.wantText("eu", "has granted", "us")

	p.away["us"] = true
	p.tell("eu", Claim{})
	p.pass(5 * time.Second)
	p.wantServing("us", false)
	p.wantServing("eu", false)
	p.wantText("eu", "waits for a person", "1 of 2 voters", "us do not")
	if !p.machines["eu"].Status().NeedsPerson {
		t.Error("nobody is asked for help")
	}
	p.tell("eu", Claim{&Override{By: "anna", Reason: "us burns", Without: []Party{"us"}}})
	p.pass(2 * time.Second)
	p.wantServing("eu", true)
	if at := slices.IndexFunc(p.disks["eu"], func(r Record) bool { return r.Override != nil && r.Stage == Open }); at < 0 ||
		!strings.Contains(p.disks["eu"][at].String(), "anna decided without us: us burns") {
		t.Errorf("what was overridden is not recorded: %v", p.disks["eu"])
	}
	p.wantServing("us", false)

	p.back("us")
	p.pass(5 * time.Second)
	p.wantServing("eu", true)
	p.wantServing("us", false)
	if p.machines["us"].Accepts(1) || !p.machines["us"].Accepts(p.machines["eu"].Status().Claim.Epoch) {
		t.Error("us accepts entries of the old epoch")
	}
}

// TestAPersonMustBeSureOfAMajority: who overrides voters that could go on without
// them is told so.
func TestAPersonMustBeSureOfAMajority(t *testing.T) {
	p := newPair(t, theTopic, FirstVoters("a", "b", "c"), "a", "b", "c")
	p.away["c"] = true
	p.pass(3 * time.Second)
	o := &Override{By: "anna", Reason: "both burn", Without: []Party{"a", "b"}}
	p.tell("c", Claim{o})
	if why := p.refusal(); !strings.Contains(why, "a, b are a majority") {
		t.Errorf("%q", why)
	}
	p.tell("c", Claim{&Override{By: "anna", Reason: "all burn", Without: []Party{"a", "b", "c"}}})
	if why := p.refusal(); !strings.Contains(why, "nobody is left") {
		t.Errorf("%q", why)
	}
	p.tell("c", Claim{&Override{Without: []Party{"a"}}})
	if why := p.refusal(); !strings.Contains(why, "without a name and a reason") {
		t.Errorf("%q", why)
	}
	p.pass(time.Second)
	p.wantServing("c", false)
	o.Stopped = true
	p.tell("c", Claim{o})
	p.pass(3 * time.Second)
	p.wantServing("c", true)
}

// TestADecisionWithoutLogs: a minority declares nobody down.
func TestADecisionWithoutLogs(t *testing.T) {
	p := newPair(t, "down/eu", FirstVoters("eu", "us", "ap"), "ap", "eu", "us")
	p.pass(time.Second)
	opened := func() bool {
		return slices.ContainsFunc(p.done, func(a Action) bool { _, ok := a.(Opening); return ok })
	}
	p.away["eu"], p.away["us"] = true, true
	p.tell("ap", Claim{})
	p.pass(3 * time.Second)
	if opened() {
		t.Fatal("ap alone has decided")
	}
	p.back("us")
	p.pass(3 * time.Second)
	if !opened() || p.machines["ap"].Status().Claim.Stage != Open {
		t.Errorf("two of three do not decide: %s", p.machines["ap"].Status().Text)
	}
	p.tell("ap", Withdraw{})
	if p.machines["ap"].Status().Claim.Stage != Withdrawn {
		t.Error("a decision can't be taken back")
	}
}

// TestADrainIsNotWaitedFor: who hands back is succeeded at once, not when its
// lease would have lapsed.
func TestADrainIsNotWaitedFor(t *testing.T) {
	p := newPair(t, theTopic, FirstVoters("a", "b", "c"), "a", "b", "c")
	p.pass(time.Second)
	p.tell("a", Claim{})
	p.pass(2 * time.Second)
	p.wantServing("a", true)
	p.tell("b", Claim{})
	p.pass(2 * time.Second)
	p.wantServing("a", true) // a claim hurts nobody
	p.tell("a", Withdraw{})
	p.wantServing("a", false)
	p.pass(300 * time.Millisecond)
	p.wantServing("b", true)
}

// TestAMasterThatRestartsGoesOn in its term and epoch, if nobody took over.
func TestAMasterThatRestartsGoesOn(t *testing.T) {
	p := newPair(t, theTopic, FirstVoters("a", "b", "c"), "a", "b", "c")
	p.pass(time.Second)
	p.tell("a", Claim{})
	p.pass(time.Second)
	before := p.machines["a"].Status().Claim
	cfg := p.machines["a"].cfg
	cfg.Started, cfg.Life = p.now, 2
	m, err := New(cfg, p.disks["a"])
	if err != nil {
		t.Fatal(err)
	}
	p.machines["a"] = m
	p.pass(500 * time.Millisecond)
	p.wantServing("a", false)
	p.tell("a", Claim{})
	p.pass(time.Second)
	p.wantServing("a", true)
	if after := p.machines["a"].Status().Claim; after.Term != before.Term || after.Epoch != before.Epoch {
		t.Errorf("it was %s, and is %s", before, after)
	}
}

// TestAnOldWordOfWithdrawalFreesNobody: a voter that has been started anew reads
// the control logs from their beginning, and has granted meanwhile.
func TestAnOldWordOfWithdrawalFreesNobody(t *testing.T) {
	p := newPair(t, theTopic, FirstVoters("a", "b", "c"), "a", "b", "c")
	p.pass(time.Second)
	p.tell("a", Claim{})
	p.tell("a", Withdraw{})
	p.tell("a", Claim{})
	p.pass(time.Second)
	p.wantServing("a", true)
	cfg := p.machines["b"].cfg
	cfg.Started, cfg.Life = p.now, 2
	m, err := New(cfg, p.disks["b"])
	if err != nil {
		t.Fatal(err)
	}
	p.machines["b"] = m
	p.pass(time.Second)
	p.wantText("b", "has granted")
	for _, r := range p.disks["a"] {
		p.tell("b", Read{From: "a", Record: r})
		p.wantText("b", "has granted")
	}
}

// TestAVoterWithoutMemoryAbstains: it may have voted and not know.
func TestAVoterWithoutMemoryAbstains(t *testing.T) {
	p := newPair(t, "down/x", FirstVoters("a", "b"), "a", "b")
	p.machines["b"].cfg.Abstain = "its disk is new"
	p.pass(time.Second)
	p.tell("a", Claim{})
	p.pass(3 * time.Second)
	if len(p.disks["b"]) > 0 {
		t.Errorf("it wrote %v", p.disks["b"])
	}
	p.wantText("b", "does not vote", "its disk is new")
	p.wantText("a", "1 of 2 votes are read")
}

func TestVotersChangeOneAtATime(t *testing.T) {
	first := FirstVoters("c", "a", "b")
	four, err := first.With("d")
	if err != nil || four.String() != "version 2 of the voters (a, b, c, d)" || four.Needed() != 3 {
		t.Fatalf("%s: %v", four, err)
	}
	if _, err := first.Without("x"); !errors.Is(err, ErrVoters) {
		t.Errorf("nobody was removed: %v", err)
	}
	if _, err := first.With("a"); !errors.Is(err, ErrVoters) {
		t.Errorf("nobody was added: %v", err)
	}
	p := newPair(t, theTopic, first, "a", "b", "c")
	p.pass(time.Second)
	for next, words := range map[*Voters]string{
		{Version: 2, Members: []Party{"a"}, Before: first.Members}:     "one at a time",
		{Version: 3, Members: first.Members, Before: four.Members}:     "does not follow",
		{Version: 2, Members: []Party{"b", "a"}, Before: []Party{"a"}}: "not in order",
		{Version: 0}: "stay as they are",
	} {
		p.tell("a", Reconfigure{*next})
		if why := p.refusal(); !strings.Contains(why, words) {
			t.Errorf("%s: %q", next, why)
		}
	}
	p.tell("a", Reconfigure{four})
	p.pass(3 * time.Second)
	for self, m := range p.machines {
		if !m.Status().Voters.Same(four) {
			t.Errorf("%s votes under %s", self, m.Status().Voters)
		}
	}
}

func TestMachinesThatCantBe(t *testing.T) {
	good := Config{Self: "a", Target: "t", Voters: FirstVoters("a"), Silence: 1, Patience: 1}
	for name, spoil := range map[string]func(*Config){
		"no name":          func(c *Config) { c.Self = "" },
		"nobody votes":     func(c *Config) { c.Voters = Voters{} },
		"odd voters":       func(c *Config) { c.Voters.Version = 0 },
		"many logs":        func(c *Config) { c.Logs = make([]string, maxLogs+1) },
		"a nameless log":   func(c *Config) { c.Logs = []string{""} },
		"no patience":      func(c *Config) { c.Patience = 0 },
		"a broken clock":   func(c *Config) { c.Lease.Drift = 1 },
		"no life's number": func(c *Config) { c.Life = top },
	} {
		c := good
		spoil(&c)
		if _, err := New(c, nil); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(good, nil); err != nil {
		t.Error(err)
	}
}
