package gateway

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"geomq/geo"
)

// play drives a Machine by a clock of its own, as a Gateway does: what has to end
// ends at once.
type play struct {
	t        interface{ Fatalf(string, ...any) }
	m        *Machine
	now      time.Time
	beat     time.Duration
	open     map[string]int
	closed   map[Cause]int
	changes  []Changed
	answers  map[string]bool // backends that answer probes
	entries  []Entry
	answered time.Time
}

func newPlay(t interface{ Fatalf(string, ...any) }, terms Terms, backends ...Backend) *play {
	p := &play{t: t, m: NewMachine(terms), now: time.Unix(1e9, 0), open: map[string]int{}, closed: map[Cause]int{}, answers: map[string]bool{}}
	p.beat = terms.withDefaults().Beat
	for _, b := range backends {
		p.entries = append(p.entries, Entry{Backend: b})
		p.answers[b.Name] = true
	}
	p.list()
	p.run(time.Second)
	return p
}

func (p *play) list() { p.step(Listed{Entries: slices.Clone(p.entries)}) }

func (p *play) entry(name string) *Entry {
	i := slices.IndexFunc(p.entries, func(e Entry) bool { return e.Name == name })
	return &p.entries[i]
}

func (p *play) step(e Event) {
	for _, action := range p.m.Step(p.now, e) {
		switch a := action.(type) {
		case Changed:
			p.changes = append(p.changes, a)
		case Close:
			if a.Count <= 0 || a.Count > p.open[a.Backend] {
				p.t.Fatalf("%+v while %d are open", a, p.open[a.Backend])
			}
			p.closed[a.Cause] += a.Count
			p.open[a.Backend] -= a.Count
			for range a.Count {
				p.step(Closed{Backend: a.Backend})
			}
		}
	}
}

// connect takes a client to the first choice.
func (p *play) connect() string {
	chosen := p.m.Choose()
	if len(chosen) == 0 {
		return ""
	}
	p.open[chosen[0].Name]++
	p.step(Opened{Backend: chosen[0].Name})
	return chosen[0].Name
}

// run lets time pass; whoever answers does so every 500 ms.
func (p *play) run(d time.Duration) {
	for end := p.now.Add(d); p.now.Before(end); {
		p.now = p.now.Add(p.beat)
		if p.now.Sub(p.answered) >= 500*time.Millisecond {
			p.answered = p.now
			for _, e := range p.entries {
				if p.answers[e.Name] {
					p.step(Answered{Backend: e.Name, RoundTrip: time.Millisecond})
				}
			}
		}
		p.step(Tick{})
	}
}

func (p *play) state(name string) State { return p.m.backend(name).state }

func (p *play) want(name string, state State) {
	if got := p.state(name); got != state {
		p.t.Fatalf("%s is %s, not %s: %s", name, got, state, p.m.backend(name).why)
	}
}

func east(n int) Backend {
	return Backend{Name: fmt.Sprintf("east-%d", n), Region: "us-east", NATS: fmt.Sprintf("10.0.0.%d:4222", n)}
}

func west(n int) Backend {
	return Backend{Name: fmt.Sprintf("west-%d", n), Region: "us-west", NATS: fmt.Sprintf("10.1.0.%d:4222", n)}
}

func TestClientsAreSpreadOverTheBackendsOfTheirRegion(t *testing.T) {
	p := newPlay(t, Terms{Region: "us-east"}, west(1), east(1), east(2))
	for range 10 {
		p.connect()
	}
	if p.open["east-1"] != 5 || p.open["east-2"] != 5 {
		t.Errorf("%v", p.open)
	}
}

func TestASilentBackendLosesItsClientsAfterTheBoundAndNotBefore(t *testing.T) {
	p := newPlay(t, Terms{}, east(1), east(2))
	p.connect()
	p.connect()
	p.answers["east-1"] = false
	p.run(1500 * time.Millisecond)
	if p.open["east-1"] != 1 {
		t.Fatal("it was given up before the bound")
	}
	if got := p.connect(); got != "east-2" {
		t.Errorf("a new client went to %s, which has not answered for a while", got)
	}
	p.run(time.Second)
	p.want("east-1", StateDead)
	if p.open["east-1"] != 0 || p.closed[CauseDead] != 1 || len(p.closed) != 1 {
		t.Errorf("open %v, closed %v", p.open, p.closed)
	}
}

func TestClientsStayAtASilentBackendUntilThereIsSomewhereToGo(t *testing.T) {
	p := newPlay(t, Terms{}, east(1), east(2))
	p.answers["east-2"] = false
	p.run(5 * time.Second)
	p.connect()
	p.answers["east-1"] = false
	p.run(time.Minute)
	if p.open["east-1"] != 1 {
		t.Fatal("a client was sent away while nobody could take it")
	}
	p.answers["east-2"] = true
	p.run(time.Second)
	if p.open["east-1"] != 0 || p.connect() != "east-2" {
		t.Errorf("open %v", p.open)
	}
}

func TestOneLostProbeMovesNobody(t *testing.T) {
	p := newPlay(t, Terms{}, east(1), east(2))
	p.connect()
	for range 50 {
		p.answers["east-1"] = !p.answers["east-1"] // it flaps at the period of the probes
		p.run(500 * time.Millisecond)
	}
	if len(p.closed) != 0 {
		t.Errorf("closed %v", p.closed)
	}
}

func TestABackendThatKeepsFallingIsUsedAfterLongerAndLongerHealth(t *testing.T) {
	p := newPlay(t, Terms{}, east(1), east(2))
	var waits []time.Duration
	for range 5 {
		p.answers["east-1"] = false
		p.run(3 * time.Second)
		p.answers["east-1"] = true
		began := p.now
		for p.state("east-1") != StateUp {
			p.run(p.beat)
			if got := p.connect(); p.state("east-1") != StateUp && got == "east-1" {
				t.Fatal("a client was taken to a backend that has to prove steady")
			}
		}
		waits = append(waits, p.now.Sub(began))
	}
	for i := 1; i < len(waits); i++ {
		if waits[i] < 3*waits[i-1]/2 {
			t.Errorf("it was used again after %v", waits)
		}
	}
}

func TestAGatewayThatSleptBlamesNobody(t *testing.T) {
	p := newPlay(t, Terms{}, east(1), east(2))
	p.connect()
	p.connect()
	p.now = p.now.Add(time.Hour)
	p.step(Tick{})
	p.run(time.Second)
	if len(p.closed) != 0 {
		t.Errorf("after its own sleep the gateway closed %v", p.closed)
	}
}

func TestAFencedBackendLosesEverybodyAtOnceEvenIfNobodyElseServes(t *testing.T) {
	p := newPlay(t, Terms{}, east(1))
	for range 1000 {
		p.connect()
	}
	p.entry("east-1").Standing = Fenced
	p.list()
	if p.open["east-1"] != 0 || p.closed[CauseFenced] != 1000 || p.connect() != "" {
		t.Errorf("open %v, closed %v", p.open, p.closed)
	}
}

func TestALapsedLeaseEndsConnectionsAndARenewedOneDoesNot(t *testing.T) {
	p := newPlay(t, Terms{}, east(1))
	p.connect()
	for range 5 {
		p.entry("east-1").Until = p.now.Add(2 * time.Second)
		p.list()
		p.run(time.Second)
	}
	if len(p.closed) != 0 {
		t.Fatalf("closed %v while the lease was renewed", p.closed)
	}
	p.run(time.Second + p.beat)
	if p.closed[CauseLapsed] != 1 || p.connect() != "" {
		t.Errorf("closed %v, then %s", p.closed, p.state("east-1"))
	}
	p.entry("east-1").Until = p.now.Add(time.Minute)
	p.list()
	if p.connect() != "east-1" {
		t.Error("with a new lease it is not used")
	}
}

func TestADrainIsGentleAndWaitsForSomebodyWhoTakesTheClients(t *testing.T) {
	p := newPlay(t, Terms{Rate: 10}, east(1))
	for range 50 {
		p.connect()
	}
	p.entry("east-1").Standing = Draining
	p.list()
	p.run(10 * time.Second)
	if p.open["east-1"] != 50 {
		t.Fatalf("%d are left although nobody takes the others", p.open["east-1"])
	}
	p.entries = append(p.entries, Entry{Backend: east(2)})
	p.answers["east-2"] = true
	p.list()
	p.run(2500 * time.Millisecond)
	if left := p.open["east-1"]; left < 15 || left > 35 {
		t.Errorf("after 2.5 s at 10 a second %d of 50 are left", left)
	}
	p.run(5 * time.Second)
	if p.open["east-1"] != 0 || p.closed[CauseDrained] != 50 {
		t.Errorf("open %v, closed %v", p.open, p.closed)
	}
}

func TestAServerThatAnnouncesItsEndIsDrained(t *testing.T) {
	p := newPlay(t, Terms{}, east(1), east(2))
	p.connect()
	p.answers["east-1"] = false // what it says is said here
	p.step(Answered{Backend: "east-1", Leaving: true})
	p.want("east-1", StateDraining)
	p.run(p.beat)
	if p.closed[CauseDrained] != 1 {
		t.Errorf("closed %v", p.closed)
	}
}

func TestABackendThatIsNotListedAnyMoreIsDrainedAndForgotten(t *testing.T) {
	p := newPlay(t, Terms{}, east(1), east(2))
	p.connect()
	p.entries = p.entries[1:]
	p.list()
	p.run(time.Second)
	if p.open["east-1"] != 0 || p.m.backend("east-1") != nil {
		t.Errorf("open %v", p.open)
	}
}

func TestANodeThatIsNotReadyLosesItsClientsOnceThatHasStood(t *testing.T) {
	p := newPlay(t, Terms{}, east(1), east(2))
	p.step(Told{Backend: "east-1", Ready: true})
	p.connect()
	p.step(Told{Backend: "east-1", Ready: false, Why: "ORDERS@us-east is not open"})
	p.run(time.Second)
	p.step(Told{Backend: "east-1", Ready: true})
	p.run(5 * time.Second)
	if len(p.closed) != 0 {
		t.Fatalf("one moment of not being ready cost %v", p.closed)
	}
	p.step(Told{Backend: "east-1", Ready: false, Why: "ORDERS@us-east is not open"})
	p.run(3 * time.Second)
	p.want("east-1", StateUnready)
	if p.closed[CauseUnready] != 1 || p.connect() != "east-2" {
		t.Errorf("closed %v", p.closed)
	}
}

func TestClientsGoToTheNextRegionAndGentlyHome(t *testing.T) {
	p := newPlay(t, Terms{Region: "us-east", Prefer: []geo.Region{"eu", "us-west"}, HomeAfter: 10 * time.Second, Rate: 10}, east(1), west(1))
	for range 20 {
		p.connect()
	}
	p.step(Refused{Backend: "east-1"})
	p.answers["east-1"] = false
	for range 20 {
		if got := p.connect(); got != "west-1" {
			t.Fatalf("a client went to %s", got)
		}
	}
	p.run(5 * time.Second)
	p.answers["east-1"] = true
	p.run(10 * time.Second)
	if p.closed[CauseHome] != 0 {
		t.Fatal("clients were taken home before the region had been well for long enough")
	}
	p.run(time.Second)
	if home := p.closed[CauseHome]; home == 0 || home > 15 {
		t.Errorf("%d of 20 were taken home in about a second, at 10 a second", home)
	}
	p.run(5 * time.Second)
	if p.open["west-1"] != 0 {
		t.Errorf("open %v", p.open)
	}
}

func TestClientsStayAwayWhereThatIsWanted(t *testing.T) {
	p := newPlay(t, Terms{Region: "us-east", HomeAfter: time.Second, Stay: true}, east(1), west(1))
	p.step(Refused{Backend: "east-1"})
	if got := p.connect(); got != "west-1" {
		t.Fatalf("a client went to %s", got)
	}
	p.run(time.Minute)
	if len(p.closed) != 0 {
		t.Errorf("closed %v", p.closed)
	}
}

func TestRegionsOutsideTheListAreOrderedByRoundTripWithReluctance(t *testing.T) {
	p := newPlay(t, Terms{Stay: true}, east(1), west(1))
	trip := func(e, w time.Duration) {
		for range 40 {
			p.step(Answered{Backend: "east-1", RoundTrip: e})
			p.step(Answered{Backend: "west-1", RoundTrip: w})
		}
	}
	trip(80*time.Millisecond, 20*time.Millisecond)
	if got := p.m.Choose()[0].Name; got != "west-1" {
		t.Errorf("of 80 and 20 ms it chose %s", got)
	}
	trip(19*time.Millisecond, 20*time.Millisecond)
	if got := p.m.Choose()[0].Name; got != "west-1" {
		t.Errorf("a millisecond made it choose %s", got)
	}
	trip(5*time.Millisecond, 20*time.Millisecond)
	if got := p.m.Choose()[0].Name; got != "east-1" {
		t.Errorf("of 5 and 20 ms it chose %s", got)
	}
}

func TestWhatIsLeftIsTriedBeforeAClientIsTurnedAway(t *testing.T) {
	p := newPlay(t, Terms{}, east(1), east(2))
	p.answers["east-1"], p.answers["east-2"] = false, false
	p.run(5 * time.Second)
	if len(p.m.Choose()) != 2 || p.m.Serves() {
		t.Error("backends that are taken for dead are not even tried")
	}
}

// In random worlds: nobody is ever taken to what must not be reached; nothing that
// serves steadily in a client's best region loses it; what is dead, fenced or
// lapsed keeps none; and each change is said once.
func TestRandomWorlds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPlay(t, Terms{Region: "us-east", HomeAfter: 5 * time.Second}, east(1), east(2), west(1))
		names := []string{"east-1", "east-2", "west-1"}
		steady := rapid.SampledFrom(names[:2]).Draw(t, "steady")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			held := p.open[steady]
			if name != steady {
				harm(t, p, name)
			}
			p.run(time.Duration(rapid.IntRange(0, 12).Draw(t, "time")) * p.beat)
			if p.open[steady] < held {
				t.Fatalf("a steady backend lost clients: %v", p.closed)
			}
			for range rapid.IntRange(0, 3).Draw(t, "clients") {
				p.connect()
			}
			p.check(t, names)
		}
	})
}

func harm(t *rapid.T, p *play, name string) {
	switch rapid.SampledFrom([]string{"silent", "well", "refuse", "fence", "drain", "serve", "lease", "unready", "ready", "missed"}).Draw(t, "harm") {
	case "silent":
		p.answers[name] = false
	case "well":
		p.answers[name] = true
	case "refuse":
		p.answers[name] = false
		p.step(Refused{Backend: name})
	case "fence":
		p.entry(name).Standing = Fenced
	case "drain":
		p.entry(name).Standing = Draining
	case "serve":
		p.entry(name).Standing, p.entry(name).Until = Serving, time.Time{}
	case "lease":
		p.entry(name).Until = p.now.Add(time.Second)
	case "unready":
		p.step(Told{Backend: name})
	case "ready":
		p.step(Told{Backend: name, Ready: true})
	case "missed":
		p.step(Missed{Backend: name})
	}
	p.list()
}

func (p *play) check(t *rapid.T, names []string) {
	for _, b := range p.m.Choose() {
		if s := p.state(b.Name); s == StateFenced || s == StateLapsed || s == StateDraining {
			t.Fatalf("%s, which is %s, was chosen", b.Name, s)
		}
	}
	for _, name := range names {
		h := p.m.backend(name)
		if h.open != p.open[name] || h.ending != 0 {
			t.Fatalf("%s: the machine counts %d and %d, there are %d", name, h.open, h.ending, p.open[name])
		}
		gone := h.state == StateFenced || h.state == StateLapsed || h.state == StateDead && p.m.elsewhere(h)
		if gone && h.open > 0 {
			t.Fatalf("%s is %s and keeps %d clients", name, h.state, h.open)
		}
	}
	for _, c := range p.changes {
		if c.From == c.To {
			t.Fatalf("%+v is no change", c)
		}
	}
}
