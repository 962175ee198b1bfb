package opening

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"geomq/geo"
)

// TestNoOffsetIsGivenTwiceWhateverHappens lives through power cuts, kills at any
// moment, restored images, wiped disks, and regions that are away, with an origin
// that opens its log as the Machine decides. It checks that
//
//   - an offset that was acknowledged never gets another entry, and every link
//     goes on, as long as the origin's disk and note are its own, however much
//     of the tail is gone and whoever is silent;
//   - what a region that told still had is in the log afterwards;
//   - a hole in the middle is filled by what others have, nothing leaves the log
//     that is not with others or in the ledger, and what is written off is nowhere;
//   - where the disk is not the origin's own, what is found out late is found
//     out: copies that agree in their epochs agree in their entries.
func TestNoOffsetIsGivenTwiceWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.run(t)
		t.Repeat(map[string]func(*rapid.T){
			"publish":   w.publishSome,
			"publish+":  w.publishSome,
			"link":      w.link,
			"link+":     w.link,
			"relay":     w.relay,
			"flush":     func(*rapid.T) { w.durable = w.log.last },
			"trim":      w.trim,
			"away":      w.away,
			"kill":      func(t *rapid.T) { w.open = false; w.run(t) },
			"power cut": func(t *rapid.T) { w.powerCut(t); w.run(t) },
			"image":     func(*rapid.T) { w.image = w.disk.clone() },
			"restore":   w.restore,
			"rollback":  w.rollback,
			"wipe":      w.wipe,
			"hole+":     w.hole,
			"hole":      w.hole,
			"":          func(*rapid.T) {},
		})
	})
}

func (w *world) publishSome(t *rapid.T) {
	if w.open {
		w.publish(t, rapid.SampledFrom([]int{1, 3, 20, 700, 15_000}).Draw(t, "entries"))
	}
}

func (w *world) draw(t *rapid.T) *stored {
	return w.holders[rapid.IntRange(0, len(w.holders)-1).Draw(t, "holder")]
}

func (w *world) link(t *rapid.T) {
	if h := w.draw(t); w.open && h.up && h.halted == "" {
		limit := geo.Offset(rapid.SampledFrom([]int{1, 10, 1 << 40}).Draw(t, "limit"))
		w.halt(t, h, follow(t, w, h, w.log, h.last+limit))
		if h.last > w.log.last && h.halted == "" && len(h.table) == len(w.log.table) && !w.amnesia {
			t.Fatalf("%s is ahead of an open origin: %s", h.region, w)
		}
		h.cut(min(w.log.first, h.last+1))
	}
}

func (w *world) relay(t *rapid.T) {
	h, from := w.draw(t), w.draw(t)
	if h != from && h.up && from.up && h.halted == "" && from.exists {
		if follow(t, w, h, from, 1<<40) == "gap" && !w.brittle && !w.amnesia && len(from.lacking()) == 0 {
			t.Fatalf("%s has a gap: %s", from.region, w)
		}
	}
}

// halt notes that a link stands. Retention may be the reason; anything else means
// that an offset has two entries, or one is missing.
func (w *world) halt(t *rapid.T, h *stored, cause string) {
	h.halted = cause
	if cause != "" && cause != "trimmed" && !w.amnesia && !(cause == "gap" && w.brittle) {
		t.Fatalf("the link of %s halts: %s: %s", h.region, cause, w)
	}
}

func (w *world) trim(t *rapid.T) {
	if w.open && w.log.last > 0 {
		w.log.cut(geo.Offset(rapid.Uint64Range(1, uint64(w.log.last)).Draw(t, "first")))
		w.trimmed = max(w.trimmed, w.log.first)
	}
}

func (w *world) away(t *rapid.T) { h := w.draw(t); h.up = !h.up }

func (w *world) powerCut(t *rapid.T) {
	w.open, w.settled = false, false
	left := geo.Offset(rapid.Uint64Range(uint64(min(w.durable, w.log.last)), uint64(w.log.last)).Draw(t, "left"))
	if left < w.log.last {
		w.log.remove(geo.Range{First: left + 1, Last: w.log.last})
		w.log.last = left
		w.log.first = min(w.log.first, left+1)
	}
}

// hole is a power cut that takes the end of an older block, too, maybe in two regions.
// The replica gets back what the origin has once that is open.
func (w *world) hole(t *rapid.T) {
	if w.open, w.settled = false, false; rapid.Bool().Draw(t, "tail") {
		w.powerCut(t)
	}
	h := w.draw(t)
	end := w.log.last
	if rapid.Bool().Draw(t, "known there") {
		end = min(end, h.last+1)
	}
	w.log.punch(t, w.durable+1, end)
	if rapid.Bool().Draw(t, "both") && h.exists && h.last > h.table.Latest().First {
		h.last = geo.Offset(rapid.Uint64Range(uint64(h.table.Latest().First), uint64(h.last)).Draw(t, "replica left"))
		h.remove(geo.Range{First: h.last + 1, Last: 1 << 60})
		h.first = min(h.first, h.last+1)
		h.punch(t, h.table.Latest().First, h.last)
	}
	w.run(t)
	for _, r := range h.lacking() {
		for o := r.First; o <= r.Last && w.open && h.halted == ""; o++ {
			if id, there := w.log.entries[o]; there && w.log.table.At(o) == h.table.At(o) {
				h.entries[o] = id
			}
		}
	}
}

// punch takes entries between first and end, at which something is left.
func (c *stored) punch(t *rapid.T, first, end geo.Offset) {
	if first = max(first, c.first+1); first < end {
		from := rapid.Uint64Range(uint64(first), uint64(end-1)).Draw(t, "from")
		to := rapid.Uint64Range(from, uint64(end-1)).Draw(t, "to")
		c.remove(geo.Range{First: geo.Offset(from), Last: geo.Offset(to)})
	}
}

// restore brings an image of the disk back, and the node notices.
func (w *world) restore(t *rapid.T) {
	if w.image == nil {
		return
	}
	w.open, w.disk = false, w.image.clone()
	w.settled, w.unsure, w.stale = false, true, true
	w.run(t)
}

// rollback does the same where nobody notices. It has a chance only where the
// other regions have everything and can tell.
func (w *world) rollback(t *rapid.T) {
	if w.image == nil || !w.image.settled || !w.open || w.amnesia {
		return
	}
	for _, h := range w.holders {
		h.up = true
		if h.halted != "" || follow(t, w, h, w.log, 1<<40) != "" || h.last != w.log.last || len(h.table) != len(w.log.table) {
			return
		}
	}
	w.open, w.unsure, w.unnoticed, w.disk = false, true, true, w.image.clone()
	w.run(t)
}

func (w *world) wipe(t *rapid.T) {
	w.open, w.unsure = false, true
	w.disk = &disk{log: &stored{region: "us-east"}}
	w.run(t)
}

// run starts the origin until it opens its log or has crashed three times.
func (w *world) run(t *rapid.T) {
	for try := 0; !w.open && try < 4; try++ {
		w.start(t, try == 3)
	}
}

// start is one opening, which may crash at any step unless it is the last.
func (w *world) start(t *rapid.T, last bool) {
	m := New(w.facts())
	d := m.Decision()
	for step := 0; !w.open; step++ {
		if step > 200 {
			t.Fatalf("never ends: %s: %s", d, w)
		}
		if d.String() == "" {
			t.Fatalf("%T says nothing", d)
		}
		switch rapid.IntRange(0, 19).Draw(t, "crash") {
		case 0:
			if !last {
				return
			}
		case 1:
			if !last {
				w.powerCut(t)
				return
			}
		}
		if m.Doubt() != "" {
			w.settled = false
		}
		if m.Unsurveyed() {
			d = m.Step(w.survey())
			continue
		}
		if d = w.carryOut(t, m, d); d == nil {
			return
		}
	}
}

func (w *world) carryOut(t *rapid.T, m *Machine, d Decision) Decision {
	switch d := d.(type) {
	case Wait:
		return m.Step(w.news(t, d))
	case PullBack:
		return m.Step(w.pull(t, d))
	case NewEpoch:
		return w.begin(t, m, d)
	case Finish:
		if skipped := (geo.Range{First: w.log.last + 1, Last: d.Through}); !w.log.table.Skipped().Covers(skipped) && !w.brittle && !w.amnesia {
			t.Fatalf("%v are no holes: %s", skipped, w)
		}
		w.log.last = d.Through
		return m.Step(Made{w.log.extent()})
	case WriteOff:
		return w.writeOff(t, m, d)
	case Anew:
		return w.anew(t, m, d)
	case PutBack:
		return w.putBack(t, m, d)
	case Open:
		w.admit(t, m)
	}
	return d
}

// news is what becomes known while the log waits.
func (w *world) news(t *rapid.T, d Wait) Event {
	h := w.holder(rapid.SampledFrom(d.For).Draw(t, "asked"))
	switch {
	case w.unnoticed:
	case rapid.IntRange(0, 5).Draw(t, "late") == 0:
		return Tick{d.Until}
	case !h.up && rapid.IntRange(0, 3).Draw(t, "returns") > 0:
		return Silent{h.region, "no route"}
	}
	h.up = true
	told := Told{Region: h.region, Exists: h.exists, Extent: h.extent(), Ready: rapid.IntRange(0, 3).Draw(t, "ready") > 0}
	if told.Looked = h.exists && !w.settled; told.Looked {
		told.Lacking = h.lacking()
	}
	return told
}

func (w *world) survey() Surveyed {
	s := Surveyed{Own: w.log.extent(), Lacking: w.log.lacking(), Lost: w.log.deleted}
	for _, o := range slices.Sorted(maps.Keys(w.ledger)) {
		if o > w.log.last {
			s.Kept = append(s.Kept, Kept{Epoch: w.ledger[o].epoch, Range: geo.Range{First: o, Last: o}})
		}
	}
	return s
}

func (w *world) writeOff(t *rapid.T, m *Machine, d WriteOff) Decision {
	for _, h := range w.holders {
		for o := range h.entries {
			if d.Offsets.Contains(o) && !w.amnesia && o <= m.reach(h.extent()) && h.halted == "" {
				t.Fatalf("%d is written off, %s has it: %s", o, h.region, w)
			}
		}
	}
	for _, r := range d.Offsets {
		w.log.deleted = w.log.deleted.Add(r)
	}
	return m.Step(w.survey())
}

// anew may be broken off before the stream is gone, and behind.
func (w *world) anew(t *rapid.T, m *Machine, d Anew) Decision {
	if w.ledger == nil {
		w.ledger = map[geo.Offset]aside{}
	}
	for o, id := range w.log.entries {
		if d.Keep.Contains(o) {
			w.ledger[o] = aside{id, w.log.table.At(o)}
		} else if !slices.ContainsFunc(d.From, func(r geo.Region) bool { return w.holder(r).entries[o] == id }) && !w.amnesia {
			t.Fatalf("entry %d at %d leaves the log and is nowhere: %s", id, o, w)
		}
	}
	switch rapid.IntRange(0, 5).Draw(t, "crash") {
	case 0:
		return nil
	case 1:
		w.renew()
		return nil
	}
	w.renew()
	return m.Step(w.survey())
}

func (w *world) renew() {
	deleted := w.log.deleted
	w.log.create(1, geo.FirstEpochs())
	w.log.deleted, w.durable = deleted, 0
}

func (w *world) putBack(t *rapid.T, m *Machine, d PutBack) Decision {
	if d.Table != nil {
		w.durable, w.log.table = w.log.last, d.Table
	}
	if r := (geo.Range{First: w.log.last + 1, Last: d.Range.First - 1}); !w.log.table.Skipped().Covers(r) {
		t.Fatalf("%s is no hole: %s", r, w)
	}
	w.log.last = d.Range.First - 1
	if rapid.IntRange(0, 9).Draw(t, "crash") == 0 {
		return nil
	}
	for o := d.Range.First; o <= d.Range.Last; o++ {
		if o != w.log.last+1 || w.ledger[o].epoch != w.log.table.At(o) {
			t.Fatalf("%d is put behind %d: %s", o, w.log.last, w)
		}
		w.log.entries[o], w.log.last = w.ledger[o].id, o
	}
	return m.Step(Returned{w.log.extent()})
}

func (w *world) pull(t *rapid.T, d PullBack) Event {
	from := w.holder(d.From[0])
	if d.First < w.log.last+1 || d.Through > from.last || from.first > d.First {
		t.Fatalf("can't pull %d…%d from %s: %s", d.First, d.Through, from.region, w)
	}
	if rapid.IntRange(0, 9).Draw(t, "goes away") == 0 {
		from.up, w.brittle = false, true
		return PullFailed{Region: from.region, Reason: "lost", Own: w.log.extent()}
	}
	if d.First > w.log.last+1 {
		if w.log.last >= w.trimmed && len(w.log.entries) > 0 && !w.amnesia {
			t.Fatalf("entries that retention would have kept are dropped for %d: %s", d.First, w)
		}
		w.log.cut(w.log.last + 1)
		w.log.table = d.Table
		w.log.last, w.durable = d.First-1, d.First-1
		w.log.cut(d.First)
	}
	through := geo.Offset(rapid.Uint64Range(uint64(d.First-1), uint64(d.Through)).Draw(t, "reaches"))
	if rapid.IntRange(0, 2).Draw(t, "whole") > 0 {
		through = d.Through
	}
	if cause := follow(t, w, w.log, from, through); cause != "" {
		if cause == "gap" && len(from.lacking()) > 0 {
			return PullFailed{Region: from.region, Reason: cause, Own: w.log.extent()}
		}
		if !w.amnesia && !w.brittle {
			t.Fatalf("pulling from %s: %s: %s", from.region, cause, w)
		}
		return PullFailed{Region: from.region, Contradicts: true, Reason: cause, Own: w.log.extent()}
	}
	if w.log.last < d.Through {
		return PullFailed{Region: from.region, Reason: "lost", Own: w.log.extent()}
	}
	return PulledBack{w.log.extent()}
}

// begin carries a new epoch out, with a crash between its steps now and then.
func (w *world) begin(t *rapid.T, m *Machine, d NewEpoch) Decision {
	w.check(t, m, d)
	for _, r := range d.Retire {
		w.log.remove(r)
	}
	w.durable = w.log.last
	w.log.table = d.Table
	if rapid.IntRange(0, 3).Draw(t, "holes") > 0 {
		w.log.last = max(w.log.last, d.Skip.Last)
	} else if rapid.Bool().Draw(t, "crash") {
		return nil
	}
	return m.Step(Made{w.log.extent()})
}

func (w *world) check(t *rapid.T, m *Machine, d NewEpoch) {
	if err := d.Table.Validate(); err != nil || !d.Table.Extends(w.log.table) || d.Table.Latest() != d.Epoch {
		t.Fatalf("%s behind %s: %v", d.Table, w.log.table, err)
	}
	if lacking := d.Table.Skipped().Without(d.Skip); lacking.Len() != d.Lacking.Len() || lacking.Len() > 0 && !w.brittle && !w.amnesia {
		t.Fatalf("lacks %v, said %v: %s", lacking, d.Lacking, w)
	}
	w.brittle = w.brittle || d.Lacking.Len() > 0
	for _, h := range m.holders {
		if copied := w.holder(h.region); h.told && copied.exists && d.Epoch.First <= copied.last {
			t.Fatalf("epoch at %d, %s told of %d", d.Epoch.First, h.region, copied.last)
		}
		if h.told && h.agrees() && m.furthest(h) > m.position(m.own) && !h.spent && m.start(h) <= m.gives(h) {
			t.Fatalf("%s is ahead and not asked for it: %s", h.region, w)
		}
	}
	if d.Epoch.First <= w.newest() && !w.unsure {
		t.Fatalf("epoch at %d, %d was acknowledged: %s", d.Epoch.First, w.newest(), w)
	}
	// Who was not asked may know epochs that this one contradicts.
	silent := slices.ContainsFunc(m.awaited(), func(h *holder) bool { return w.holder(h.region).exists })
	w.amnesia = w.amnesia || w.unsure && (silent || d.Epoch.First <= w.newest())
}

// admit opens the log, when it holds what those who told of it had.
func (w *world) admit(t *rapid.T, m *Machine) {
	if w.unsure && w.log.last < w.newest() {
		w.amnesia = true // nobody who told has ever heard of what was here
	}
	lacking, left := m.Left()
	for _, r := range w.log.lacking() {
		if (left == "" || !lacking.Covers(r)) && m.Doubt() != "" && !w.brittle && !w.amnesia {
			t.Fatalf("opens without %s, and nothing is said: %s", r, w)
		}
	}
	w.brittle = w.brittle || len(w.log.lacking()) > 0
	for _, h := range m.holders {
		if !h.told || !h.exists {
			continue
		}
		if !h.agrees() {
			if !w.amnesia && !w.brittle && !w.unsure {
				t.Fatalf("without cause: %v: %s", m.Warnings(), w)
			}
			w.amnesia = true
			continue
		}
		copied, reach := w.holder(h.region), m.reach(h.extent)
		if len(h.lacking) > 0 {
			reach = min(reach, w.log.table.Latest().PrevEnd) // behind what it lacks nobody gets
		}
		for o, id := range copied.entries {
			if own, there := w.log.entries[o]; o <= reach && o >= w.log.first && o >= w.trimmed && own != id && (there || !w.brittle) {
				t.Fatalf("%s had entry %d at %d, the origin opens with %d: %s", h.region, id, o, own, w)
			}
		}
	}
	if len(w.log.table) == 1 && w.unsure {
		w.image = nil // of an earlier epoch 1, if any: only digests could tell them apart
	}
	w.open, w.settled, w.stale, w.unnoticed = true, true, false, false
	w.promise()
	if !w.amnesia {
		w.unsure = false
	}
}
