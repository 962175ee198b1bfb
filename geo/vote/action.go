package vote

import (
	"time"

	"geomq/geo"
)

// Action is something that the caller has to do.
type Action interface{ action() }

type (
	// Write brings Record into the own control log, on disk, in the order of the
	// Writes, and tells Written. It may take any time; it must not be given up
	// while the process lives.
	Write struct {
		ID     uint64
		Record Record
	}
	// SendAsk sends a request straight to a voter. It may be lost.
	SendAsk struct {
		To  Party
		Ask Ask
	}
	// SendGrant answers one. It may be lost.
	SendGrant struct {
		To    Party
		Grant Grant
	}
	// Freeze lets nothing into the target's logs here but what comes from a
	// holder whose table has an epoch from Epoch on (Machine.Accepts), and then
	// tells Frozen. Who was their master fences them. It holds until the process
	// ends, and on if the promise is on disk by then. An Opening that is under way
	// is given up first, and changes nothing any more.
	Freeze struct {
		Term  Term
		Epoch uint64
	}
	// Opening is carried out by who was elected: for each log of Plans the tail is
	// fetched from Sources, then Ready told. Nothing is recorded of the new epoch
	// before Extend. A claim on a target without logs takes effect now. Who can't
	// carry it out withdraws.
	Opening struct {
		Term  Term
		Plans []Plan
	}
	// Extend lets the master serve until then, on the clock that Step is given:
	// lease.Guard.Extend. Reaches are the tables that it may record and the
	// offsets that it may use: a majority has them on disk. Epochs that a log's
	// own table lacks are recorded before anything is served; if the log is shorter
	// than where they say that the last one ended (a fetched tail was lost in a
	// crash), the master withdraws and claims anew instead.
	Extend struct {
		Term    Term
		Until   time.Duration
		Reaches []Reach
	}
	// Fence stops serving at once: lease.Guard.Fence, and the logs' fences. An
	// Opening that is under way is given up. An Extend may follow, where the lease
	// had merely lapsed.
	Fence struct {
		Term Term
		Why  string
	}
	// Lost says that another's claim has won. The claim is over; Claim begins a
	// new one.
	Lost struct{ To Term }
	// Refused says why a Claim or a Reconfigure was not taken up.
	Refused struct{ Why string }
)

func (Write) action()     {}
func (SendAsk) action()   {}
func (SendGrant) action() {}
func (Freeze) action()    {}
func (Opening) action()   {}
func (Extend) action()    {}
func (Fence) action()     {}
func (Lost) action()      {}
func (Refused) action()   {}

// Plan is how one log goes on under a new term.
type Plan struct {
	Log string
	// Sources are the holders that promised, the furthest first. The tail is
	// fetched from the first of them that can be reached, up to its Reach; where
	// that is another one than the first, PrevEnd is what it had.
	Sources []Source
	// Table is the newest part of the log's table, ending with the new epoch. It
	// names epochs of which nobody who promised has an entry, so that a holder of
	// some will know where they ended.
	Table geo.Epochs
}

// Source is a holder and what it has.
type Source struct {
	Party Party
	Reach Reach
}
