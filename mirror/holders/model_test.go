package holders

import (
	"fmt"
	"testing"
	"time"

	"geomq/geo"
	"pgregory.net/rapid"
)

// What a link may take to act on what it could know, whatever happened before.
const (
	// toFlow is how long data may stand still while somebody could serve it: a
	// silence, the avoidance of who was left wrongly, and the asks in between.
	toFlow = 4*time.Second + AvoidFor + RelayEvery
	// toLeave is how long a relay may be far behind another that is well.
	toLeave = BehindFor + RelayEvery + 2*AskEvery
	// toReturn is how long an origin must be well until the link is back.
	toReturn = LongCalm + AvoidFor + HaltFor + 3*AskEvery
)

// TestWhateverHappensTheRulesHold lets random misfortunes befall random worlds.
// The rules are checked against what is true, not against what the Chooser
// believes.
func TestWhateverHappensTheRulesHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, []geo.Region{"us", "eu", "ap", "sa"}[:rapid.IntRange(2, 4).Draw(t, "regions")]...)
		for _, p := range w.places {
			p.rate = 1
			p.trip = time.Duration(rapid.IntRange(1, 25).Draw(t, "trip")) * step
		}
		truth := &truth{w: w}
		w.check = truth.check
		w.start()
		for range rapid.IntRange(1, 25).Draw(t, "misfortunes") {
			befall(t, w)
			w.run(time.Duration(rapid.IntRange(1, 1500).Draw(t, "pause")) * step)
		}
		for _, p := range w.places {
			p.up, p.ready, p.still, p.refuses = true, true, false, Left
		}
		w.note("all is well")
		w.run(toReturn).stays(2*Steady, "us")
	})
}

func befall(t *rapid.T, w *world) {
	p := rapid.SampledFrom(w.places).Draw(t, "place")
	switch rapid.IntRange(0, 8).Draw(t, "what") {
	case 0:
		w.cut(p.name)
	case 1:
		w.kill(p.name)
	case 2, 3:
		w.heal(p.name)
	case 4:
		p.still = !p.still
		w.note("%s is still: %t", p.name, p.still)
	case 5:
		p.ready = !p.ready
		w.note("%s is ready: %t", p.name, p.ready)
	case 6:
		p.refuses = rapid.SampledFrom([]Class{Left, Failed, Lacks, Contradicts}).Draw(t, "class")
		w.note("%s refuses by class %d", p.name, p.refuses)
	case 7:
		if w.session != nil && !w.session.leaving {
			w.over(Failed, "lost")
		}
	case 8:
		if o := w.places[0]; p == o {
			p.last += geo.Offset(rapid.IntRange(0, 3*BehindEntries).Draw(t, "more"))
		} else { // a relay has at most what its origin wrote
			p.last = geo.Offset(rapid.Uint64Range(uint64(p.last), uint64(o.last)).Draw(t, "end"))
		}
		w.note("%s ends at %d", p.name, p.last)
	}
}

// truth watches a world for rules that are broken for too long.
type truth struct {
	w       *world
	applied geo.Offset
	dry     time.Duration // since when nothing flows that could
	behind  map[geo.Region]time.Duration
	with    geo.Region
}

func (tr *truth) check() {
	w := tr.w
	if problem := tr.flow(); problem != "" {
		w.fail("%s", problem)
	}
	if problem := tr.lead(); problem != "" {
		w.fail("%s", problem)
	}
}

// able tells whether p could serve the replica now.
func (tr *truth) able(p *place) bool {
	w := tr.w
	return p.up && p.ready && !p.still && p.refuses == Left && p.last > w.applied && p.epochs.Extends(w.epochs) && p.first <= w.applied+1
}

// flow: while somebody can serve for good, entries flow, unless the origin halts
// the link.
func (tr *truth) flow() string {
	w := tr.w
	able := false
	for _, p := range w.places {
		able = able || tr.able(p)
	}
	// An origin that refuses sessions, or has less than the replica, has the
	// last word, and each change of what it says begins the count anew.
	if o := w.places[0]; o.refuses != Left || o.last < w.applied {
		able = false
	}
	if !able || w.applied > tr.applied || w.c.Halted() {
		tr.applied, tr.dry = w.applied, w.now
	}
	if w.now-tr.dry > toFlow {
		return fmt.Sprintf("for %s nothing flows that could", w.now-tr.dry)
	}
	return ""
}

// lead: the link is not with a relay while another is known to be far ahead.
func (tr *truth) lead() string {
	w := tr.w
	if from := w.from(); from != tr.with || from == "" || tr.behind == nil {
		tr.with, tr.behind = from, map[geo.Region]time.Duration{}
	}
	for _, p := range w.places[1:] {
		if tr.with == "" || tr.with == "us" || !tr.able(p) || w.c.find(p.name).isAvoided(w.now) || p.last < w.at(tr.with).last+BehindEntries {
			tr.behind[p.name] = w.now
		}
		if since := w.now - tr.behind[p.name]; since > toLeave {
			return fmt.Sprintf("for %s the link is with %s although %s is far ahead", since, tr.with, p.name)
		}
	}
	return ""
}
