package vote

import (
	"slices"
	"time"

	"geomq/geo"
)

func (n *node) carryOut(a Action) {
	w := n.w
	switch a := a.(type) {
	case Write:
		n.write(a)
	case SendAsk:
		w.send(n.name, a.To, Asked{From: n.name, Ask: a.Ask})
	case SendGrant:
		w.send(n.name, a.To, Granted{From: n.name, Grant: a.Grant})
	case Freeze:
		n.until, n.opening = 0, Term{}
		n.later(40*time.Millisecond, func() Event {
			return Frozen{Term: a.Term, Reaches: []Reach{n.reach(n.end)}}
		})
	case Opening:
		w.say("%s opens %s: %s", n.name, a.Term, a.Plans[0].Table)
		n.opening = a.Term
		n.later(300*time.Millisecond, func() Event { return n.openEpoch(a) })
	case Extend:
		n.extend(a)
	case Fence:
		w.say("%s fences itself: %s", n.name, a.Why)
		n.until, n.opening = 0, Term{}
	case Lost:
		w.say("%s has lost to %s", n.name, a.To)
	}
}

// later has something done within d, unless the process ends before.
func (n *node) later(d time.Duration, do func() Event) {
	life := n.life
	n.w.after(n.w.takes(d), func() {
		if n.life != life || n.machine == nil {
			return
		}
		if e := do(); e != nil {
			n.step(e)
		}
	})
}

// write brings a record to the disk, in order; a crash before loses it.
func (n *node) write(a Write) {
	life := n.life
	n.lastWrite = max(n.lastWrite, n.w.now) + n.w.takes(40*time.Millisecond)
	n.w.after(n.lastWrite-n.w.now, func() {
		if n.life != life {
			return
		}
		n.w.checkRecord(n, a.Record)
		n.disk = append(n.disk, wire(a.Record))
		n.w.say("%s: %s", n.name, a.Record)
		n.later(10*time.Millisecond, func() Event { return Written{ID: a.ID} })
		n.stumble(a.Record.Kind)
	})
}

// stumble crashes the process at the worst moment: when a record is on disk, and
// it may not know.
func (n *node) stumble(kind Kind) {
	odds := 60
	if kind == KindPromise {
		odds = 6
	}
	if n.w.calm || n.w.rand.IntN(odds) > 0 {
		return
	}
	n.crash()
	n.w.after(n.w.span(0, 100*time.Millisecond), n.restart)
}

func (n *node) reach(offset geo.Offset) Reach {
	return Reach{Log: theLog, Epochs: newest(n.table), Offset: offset}
}

// openEpoch fetches the tail and says with what table the log is to go on.
func (n *node) openEpoch(o Opening) Event {
	if n.opening != o.Term {
		return nil
	}
	plan := o.Plans[0]
	for _, s := range plan.Sources {
		from := n.w.node(s.Party)
		if from == n {
			break
		}
		if from.machine != nil && n.w.open(s.Party, n.name) {
			n.fetch(from, s.Reach.Offset)
			break
		}
	}
	table := slices.Clone(n.table)
	for i, e := range plan.Table {
		if e.Number <= table.Latest().Number {
			continue
		}
		if i == len(plan.Table)-1 { // less than planned where the furthest could not be reached
			e.PrevEnd = max(n.end, table.Latest().First-1)
		}
		table = append(table, e)
	}
	if err := table.Validate(); err != nil {
		n.w.fail("%s made a table %s: %v", n.name, table, err)
	}
	n.asked = table.Latest().First + ahead
	return Ready{Term: o.Term, Reaches: []Reach{{Log: theLog, Epochs: newest(table), Offset: n.asked}}}
}

// fetch takes what another holder has, as a link does.
func (n *node) fetch(from *node, through geo.Offset) {
	if !from.table.Extends(n.table) {
		if !n.table.Extends(from.table) {
			n.w.fail("%s has a table %s and %s %s", n.name, n.table, from.name, from.table)
		}
		return
	}
	for _, e := range from.table[len(n.table):] {
		if n.end >= e.First {
			n.w.fail("%s reached %d and %s began epoch %d at %d", n.name, n.end, from.name, e.Number, e.First)
			return
		}
		n.end = e.First - 1 // the rest goes to the ledger
	}
	n.table, n.end = from.table, max(n.end, min(from.end, through))
}

// work serves, and follows whoever is further.
func (n *node) work() {
	if n.machine != nil && !n.asleep {
		n.produce()
		n.follow()
	}
	n.w.after(n.w.span(5*time.Millisecond, 40*time.Millisecond), n.work)
}

func (n *node) produce() {
	if !n.valid() || n.machine == nil {
		return
	}
	room := n.reaches[0].Offset
	for range n.w.rand.IntN(8) {
		if n.end >= room {
			break
		}
		n.end++
		if n.end <= n.w.newest {
			n.w.fail("%s gives offset %d in epoch %d, and %d was given before", n.name, n.end, n.table.Latest().Number, n.w.newest)
		}
		n.w.newest = n.end
	}
	if n.end+ahead/2 > n.asked {
		n.asked = n.end + ahead
		n.step(Raise{Reaches: []Reach{n.reach(n.end + ahead)}})
	}
}

func (n *node) follow() {
	if !slices.Contains(n.holders, n.name) || n.valid() {
		return
	}
	for _, from := range n.w.nodes {
		if from == n || from.machine == nil || !n.w.open(from.name, n.name) || n.w.rand.IntN(2) == 0 ||
			!n.machine.Accepts(from.table.Latest().Number) {
			continue
		}
		was := n.end
		n.fetch(from, from.end)
		if n.end != was {
			n.w.checkPromise(n, from.table.Latest().Number)
		}
	}
}

func (n *node) extend(a Extend) {
	if n.serves != a.Term {
		n.serves = a.Term
		n.w.served++
		n.w.say("%s serves term %s", n.name, a.Term)
	}
	n.w.checkOneWriter(n)
	n.w.checkOffsets(n, a)
	n.record(a.Reaches[0].Epochs)
	n.until, n.reaches = max(n.until, a.Until), a.Reaches
}

// record begins the epochs that the table lacks.
func (n *node) record(epochs geo.Epochs) {
	for _, e := range epochs {
		if e.Number <= n.table.Latest().Number {
			continue
		}
		n.table, n.end = append(slices.Clone(n.table), e), e.First-1
	}
	if err := n.table.Validate(); err != nil {
		n.w.fail("%s made a table %s: %v", n.name, n.table, err)
	}
}

// latest is the newest record of a kind on the disk.
func (n *node) latest(kind Kind) *Record {
	for i := len(n.disk) - 1; i >= 0; i-- {
		if n.disk[i].Kind == kind {
			return &n.disk[i]
		}
	}
	return nil
}

// checkOneWriter is I7: whoever may serve now is alone. Leases of others count by
// what their clocks will show, also where the process is stopped.
func (w *world) checkOneWriter(n *node) {
	for _, other := range w.nodes {
		if other != n && other.valid() {
			w.fail("%s may serve term %s while %s may serve %s", n.name, n.serves, other.name, other.serves)
		}
	}
}

// checkOffsets has a majority know, on disk, what may be used.
func (w *world) checkOffsets(n *node, a Extend) {
	voters := n.machine.Status().Voters
	if !voters.Majority(func(p Party) bool {
		vote := w.node(p).latest(KindVote)
		return vote != nil && covers(vote.Reaches, a.Reaches)
	}) {
		w.fail("%s may use offsets up to %d, and no majority knows", n.name, a.Reaches[0].Offset)
	}
}

func (w *world) checkPromise(n *node, epoch uint64) {
	if promise := n.latest(KindPromise); promise != nil && epoch < promise.Epoch {
		w.fail("%s has taken entries of epoch %d after it promised %d", n.name, epoch, promise.Epoch)
	}
}

// checkRecord looks at a record when it reaches the disk.
func (w *world) checkRecord(n *node, r Record) {
	switch {
	case r.Kind == KindVote:
		w.checkVote(n, r)
	case r.Kind == KindPromise && r.Reaches[0].Offset != n.end && r.Epoch > n.table.Latest().Number:
		w.fail("%s promised to end at %d and ends at %d", n.name, r.Reaches[0].Offset, n.end)
	case r.Kind == KindClaim && r.Stage == Elected:
		w.checkElection(r)
	}
}

// checkVote: votes of a term never change, and none goes back.
func (w *world) checkVote(n *node, r Record) {
	last := n.latest(KindVote)
	if last == nil {
		return
	}
	if r.Term.N < last.Term.N || r.Term.N == last.Term.N && r.Term != last.Term || r.Epoch < last.Epoch {
		w.fail("%s votes for %s after %s", n.name, r.Term, last.Term)
	}
	if !covers(r.Reaches, last.Reaches) {
		w.fail("%s forgets offsets that were used", n.name)
	}
	if r.Voters.Version > last.Voters.Version {
		w.changed++
	}
}

// checkElection: a term has one winner, and the votes of a majority are on disk.
func (w *world) checkElection(r Record) {
	if other, there := w.winners[r.Term.N]; there && other != r.Party {
		w.fail("%s and %s have won term %d", other, r.Party, r.Term.N)
	}
	w.winners[r.Term.N] = r.Party
	if r.Override == nil && !r.Voters.Majority(func(p Party) bool {
		return slices.ContainsFunc(w.node(p).disk, func(v Record) bool { return v.Kind == KindVote && v.Term == r.Term })
	}) {
		w.fail("%s says that it won term %d, and its votes are not on disk", r.Party, r.Term.N)
	}
}
