package vote

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var names = []Party{"ap-south", "eu-west", "sa-east", "us-east", "us-west", "witness-1", "witness-2"}

// TestWhateverHappensOneWrites lets parties crash, sleep, be cut off and claim at
// once, with clocks as bad as they may be, and then has everything heal.
func TestWhateverHappensOneWrites(t *testing.T) {
	served, changed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		voters := rapid.IntRange(3, 7).Draw(t, "voters")
		spare := rapid.IntRange(0, len(names)-voters).Draw(t, "spare")
		w := newWorld(seed, names[:voters+spare], voters, rapid.IntRange(2, 3).Draw(t, "holders"))
		w.chaos(rapid.IntRange(10, 60).Draw(t, "events"))
		w.heal()
		took := w.serve(60 * time.Second)
		served, changed = served+w.served, changed+w.changed
		if w.failed != "" {
			t.Fatalf("%s\n%s", w.failed, strings.Join(w.trace[max(0, len(w.trace)-80):], "\n"))
		}
		if took > 20*time.Second {
			t.Fatalf("nobody served for %v after all was well\n%s", took, strings.Join(w.trace[max(0, len(w.trace)-60):], "\n"))
		}
	})
	t.Logf("%d terms served, %d changes of the voters taken up", served, changed)
}

// chaos has things happen at random moments.
func (w *world) chaos(events int) {
	for range events {
		w.happen()
		w.run(w.span(0, 1500*time.Millisecond))
	}
}

func (w *world) happen() {
	n := w.nodes[w.rand.IntN(len(w.nodes))]
	if at := slices.IndexFunc(w.nodes, (*node).valid); at >= 0 && w.rand.IntN(2) == 0 {
		n = w.nodes[at] // who serves is worth most
	}
	other := w.nodes[w.rand.IntN(len(w.nodes))]
	switch w.rand.IntN(22) {
	case 0:
		if n.machine != nil {
			n.crash()
		}
	case 1, 2:
		if n.machine == nil {
			n.start()
		}
	case 3:
		if n.machine != nil && !n.asleep {
			n.sleep(w.span(100*time.Millisecond, 6*time.Second))
		}
	case 4:
		w.say("%s no longer reaches %s", n.name, other.name)
		w.cut[[2]Party{n.name, other.name}] = true
	case 5:
		w.divide()
	case 6, 7, 8:
		clear(w.cut)
	case 9:
		w.change(n)
	case 10:
		w.isolate(n)
	case 11, 12:
		w.siege()
	case 13:
		n.step(Withdraw{})
	default:
		w.claimants()
	}
}

// isolate cuts one party off, in one direction or in both.
func (w *world) isolate(n *node) {
	way := w.rand.IntN(3)
	w.say("%s is cut off, way %d", n.name, way)
	for _, other := range w.nodes {
		if other != n {
			w.cut[[2]Party{n.name, other.name}] = way != 0
			w.cut[[2]Party{other.name, n.name}] = way != 1
		}
	}
}

// siege cuts off who serves while all other holders claim and voters crash: the
// moment at which a second one could come to serve too early.
func (w *world) siege() {
	at := slices.IndexFunc(w.nodes, (*node).valid)
	if at < 0 {
		return
	}
	clear(w.cut)
	w.isolate(w.nodes[at])
	for _, n := range w.nodes {
		if n.machine != nil && n != w.nodes[at] && w.rand.IntN(3) == 0 {
			n.crash()
			w.after(w.span(0, 200*time.Millisecond), n.restart)
		}
		if slices.Contains(n.holders, n.name) {
			n.step(Claim{})
		}
	}
	w.after(w.span(500*time.Millisecond, 4*time.Second), func() { clear(w.cut) })
	w.run(w.span(time.Second, 4*time.Second))
}

func (n *node) restart() {
	if n.machine == nil {
		n.start()
		if slices.Contains(n.holders, n.name) {
			n.step(Claim{})
		}
	}
}

// divide cuts the parties into two sides.
func (w *world) divide() {
	side := map[Party]bool{}
	for _, n := range w.nodes {
		side[n.name] = w.rand.IntN(2) == 0
	}
	w.say("divided: %v", side)
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if side[a.name] != side[b.name] {
				w.cut[[2]Party{a.name, b.name}] = true
			}
		}
	}
}

// claimants has one or more holders claim at once.
func (w *world) claimants() {
	for _, n := range w.nodes {
		if slices.Contains(n.holders, n.name) && w.rand.IntN(2) == 0 {
			n.step(Claim{})
		}
	}
}

// change has a person add or remove a voter.
func (w *world) change(n *node) {
	if n.machine == nil {
		return
	}
	voters := n.machine.Status().Voters
	p := w.nodes[w.rand.IntN(len(w.nodes))].name
	next, err := voters.With(p)
	if voters.Has(p) {
		next, err = voters.Without(p)
	}
	if err != nil || len(next.Members) < 3 {
		return
	}
	w.say("%s is told of %s", n.name, next)
	for _, to := range w.nodes {
		if to == n || w.rand.IntN(2) == 0 {
			to.step(Reconfigure{next})
		}
	}
}

func (w *world) heal() {
	w.say("all is well again")
	clear(w.cut)
	w.calm = true
	for _, n := range w.nodes {
		if n.machine == nil {
			n.start()
		}
		if n.asleep {
			n.crash()
			n.start()
		}
	}
}

// serve says how long it takes until somebody serves for two seconds on end, if
// holders claim as soon as nobody does.
func (w *world) serve(patience time.Duration) (took time.Duration) {
	start, since := w.now, w.now
	for w.failed == "" && w.now < start+patience {
		w.run(100 * time.Millisecond)
		if !slices.ContainsFunc(w.nodes, (*node).valid) {
			since = w.now
			w.claimants()
		}
		if w.now-since > 2*time.Second {
			return since - start
		}
	}
	return w.now - start
}
