package vote

import "time"

// Event is something that the caller learnt or did.
type Event interface{ event() }

type (
	// Read is a record in another party's control log, as far as it has come
	// here. Records of one log come in its order, later than they were written,
	// perhaps twice, and without those that a later one of their key replaced.
	Read struct {
		From   Party
		Record Record
	}
	// Written says that the record of a Write is on disk in the own control log.
	Written struct{ ID uint64 }
	// Heard says that From answers: a heartbeat has come straight from it.
	Heard struct{ From Party }
	// Asked is a request for a lease that has come straight from another party.
	Asked struct {
		From Party
		Ask  Ask
	}
	// Granted is the answer of a voter.
	Granted struct {
		From  Party
		Grant Grant
	}
	// Frozen says that a Freeze stands, and what the logs hold.
	Frozen struct {
		Term    Term
		Reaches []Reach
	}
	// Ready says that an Opening has been carried out: the tails are here, and on
	// disk. Reaches are the logs with their new tables, which are not recorded yet,
	// and the offsets that are to be used at first, some seconds of traffic ahead.
	Ready struct {
		Term    Term
		Reaches []Reach
	}
	// Raise asks for more offsets, before those that are granted are used up. Its
	// Reaches name all logs and take nothing back.
	Raise struct{ Reaches []Reach }
	// Claim begins to claim the target, or goes on with an earlier process's
	// claim. Saying it again changes nothing. Override is a person's, or nil.
	Claim struct{ Override *Override }
	// Withdraw ends a claim. A master has stopped serving before.
	Withdraw struct{}
	// Reconfigure names the next version of the voters.
	Reconfigure struct{ Voters Voters }
	// Tick lets time pass; it comes ten times in a lease's length at least.
	Tick struct{}
)

func (Read) event()        {}
func (Written) event()     {}
func (Heard) event()       {}
func (Asked) event()       {}
func (Granted) event()     {}
func (Frozen) event()      {}
func (Ready) event()       {}
func (Raise) event()       {}
func (Claim) event()       {}
func (Withdraw) event()    {}
func (Reconfigure) event() {}
func (Tick) event()        {}

// Ask is a request for a lease. It is not written down.
type Ask struct {
	Target Target `json:"target"`
	Term   Term   `json:"term"`
	// Life tells processes of one party apart, Number the requests of one.
	Life   uint64 `json:"life"`
	Number uint64 `json:"number"`
	// Length is how long the asker counts a lease. It gets none from a voter that
	// counts less.
	Length time.Duration `json:"length"`
	// Reaches are the offsets that the asker wants to use.
	Reaches []Reach `json:"reaches,omitempty"`
}

// Grant answers an Ask. It is not written down.
type Grant struct {
	Target Target `json:"target"`
	Term   Term   `json:"term"`
	Life   uint64 `json:"life"`
	Number uint64 `json:"number"`
	// Under is the version of the voters that the voter votes under.
	Under uint64 `json:"under"`
}
