package holders

import (
	"time"

	"geomq/geo"
)

// Event is something that a Chooser has to know.
type Event interface{ event() }

// Events.
type (
	// Stood says where the replica stands. It comes at the beginning of each
	// session.
	Stood struct {
		Exists bool
		Last   geo.Offset
		Epochs geo.Epochs
	}
	// Told is a holder's answer to an ask.
	Told struct {
		Holder geo.Region
		// Ready says that the holder has the log and serves it.
		Ready       bool
		First, Last geo.Offset
		Time        time.Time // origin time of the entry at Last, if known
		Epochs      geo.Epochs
		RoundTrip   time.Duration
	}
	// Silent says that a holder did not answer an ask.
	Silent struct{ Holder geo.Region }
	// Progress shows the present session.
	Progress struct {
		Streaming bool       // frames may come
		Applied   geo.Offset // the replica's end
		Head      geo.Offset // the holder's end as it told last
		Arrived   uint64     // how many frames have come in all
		Busy      bool       // the replica is still applying what has come
		Heard     time.Duration
	}
	// Ended says that the present session is over.
	Ended struct {
		Class Class
		Cause string        // in words for people
		Pause time.Duration // how long the same holder is let alone
	}
	// Tick only tells the time.
	Tick struct{}
)

// Class says what the end of a session means for the choice of a holder.
type Class int

// Classes of causes.
const (
	Left        Class = iota // as the Chooser wanted
	Failed                   // the holder or the path to it
	Own                      // this region's broker: nobody else can help
	Lacks                    // the holder does not have what the replica needs next
	Contradicts              // holder and replica are not the same log
	Unfit                    // the replica can't go on, whoever the holder is
)

// Decision is what a link has to do now.
type Decision struct {
	// Ask lists holders to ask where they stand.
	Ask []geo.Region
	// Pull is the holder to open a session with, "" for none.
	Pull geo.Region
	// Leave says why the present session is to be ended, "" if it is not.
	Leave Reason
}

// Reason says why a session is left.
type Reason string

// Reasons.
const (
	Unanswered Reason = "it does not answer"
	Stalled    Reason = "nothing comes from it although there is more"
	Behind     Reason = "another holder is far ahead of it"
	OriginWell Reason = "the origin is well again"
)

func (Stood) event()    {}
func (Told) event()     {}
func (Silent) event()   {}
func (Progress) event() {}
func (Ended) event()    {}
func (Tick) event()     {}
