package mirror

import (
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// Event is something that happened to one side of a link. The state machines
// Sink and Source take events and give actions; they know no clock and do no
// I/O, so that every sequence of events can be replayed by a test.
type Event interface{ event() }

// Action is something that the runner of a state machine has to do, in the order
// given.
type Action interface{ action() }

// Events of both sides.
type (
	// Received is a message from the peer.
	Received struct{ Message Message }
	// Tick tells the time since the session began; it comes at least once per
	// heartbeat.
	Tick struct{ Now time.Duration }
	// Failed says that something outside the state machine ends the session.
	Failed struct {
		Cause Cause
		Text  string
	}
)

// Events of a sink.
type (
	// Start begins the session.
	Start struct{ Stand Stand }
	// Renewed says that a Renew has been carried out.
	Renewed struct{}
	// Applied says that the replica now ends at Last and has the deletions up to
	// number Deletions.
	Applied struct {
		Last      geo.Offset
		Deletions uint64
	}
)

// Events of a source.
type (
	// Opened begins the session with the sink's Hello and what the holder has.
	Opened struct {
		Hello *Hello
		Held  Held
	}
	// Packed brings the next frame, its session and number still unset.
	Packed struct{ Frame *Frame }
	// Headed brings the holder's extent, asked for by the last Look, and the first
	// deletions behind the number named there, in ascending order.
	Headed struct {
		Extent    geo.Extent
		Deletions []geo.Deletion
	}
	// Sealed brings seals in ascending order of blocks.
	Sealed struct{ Seals []geo.Seal }
)

// Actions of both sides.
type (
	// Send passes Message to the peer.
	Send struct{ Message Message }
	// End closes the session. It is the last action.
	End struct {
		Cause Cause
		Text  string
		// Missing is what the holder can't give, if that is why.
		Missing *geo.Range
	}
)

// Actions of a sink.
type (
	// Adopt opens the replica, or creates it so that From is its first offset.
	// Mend takes out of it again what its epochs and deletions took out once.
	Adopt struct {
		From   geo.Offset
		Epochs geo.Epochs
		Exists bool
		Mend   bool
	}
	// Renew gives the replica a longer epoch table. What stands at offsets that it
	// skips is retired before. Each step may be done again. Renewed follows.
	Renew struct {
		Epochs geo.Epochs
		Retire geo.Range
		// Last is the last offset that the replica may have seals for.
		Last geo.Offset
	}
	// Apply unpacks Frame and appends its entries to the replica, but for the
	// first Skip, which were handed over before: they are only compared. The
	// entries at Without have been deleted: they become holes at once.
	Apply struct {
		Frame   *Frame
		Skip    uint32
		Without geo.Ranges
	}
	// Leave makes the next offsets of the replica, First to Last, holes.
	Leave struct {
		First, Last geo.Offset
		Why         Why
	}
	// Delete removes from the replica what a deletion names, when all of it that
	// was handed over is there, and records it.
	Delete struct{ Deletion geo.Deletion }
	// Check compares the replica's block with Seal and then keeps the seal.
	Check struct{ Seal geo.Seal }
	// Trim removes what lies before First from the replica.
	Trim struct{ First geo.Offset }
)

// Actions of a source.
type (
	// Read starts reading the log at From and packing frames.
	Read struct {
		From  geo.Offset
		Codec Codec
		Frame int
	}
	// Look asks the holder's broker for its extent and for the deletions whose
	// numbers are above After, to be given back by Headed.
	Look struct{ After uint64 }
	// Seek looks for the seals of the blocks First to Last, to be given back by
	// Sealed.
	Seek struct{ First, Last geo.Block }
)

// Stand says where a replica stands when a session begins.
type Stand struct {
	// Exists is false where the replica has yet to be created; nothing else is
	// set then.
	Exists bool
	Last   geo.Offset
	// Digest is that of the entry at Last, nil where Last is a hole.
	Digest *entry.Digest
	Epochs geo.Epochs
	// Unsealed is the first block whose seal the replica lacks; a seal of a block
	// that ends behind Last counts as lacking.
	Unsealed geo.Block
	// Deletions is the number of the last deletion that the replica has.
	Deletions uint64
	// DeletionSum is that one's digest, nil where there is none.
	DeletionSum *entry.Digest
	// Gaps are what an operator has given up for the replica.
	Gaps geo.Ranges
	// Deleted are the offsets that the replica's deletions name.
	Deleted Offsets
	// Surplus says that the replica has more entries than its epochs and
	// deletions leave, or seals of blocks beyond its end: they came back, or stayed
	// behind, with a power cut.
	Surplus bool
}

// Held says what a holder has of the log that a Hello asks for.
type Held struct {
	Region geo.Region
	Exists bool
	Extent geo.Extent
	// MaxEntry is the largest entry that producers may write there, header and
	// body together in bytes; 0 where that is unknown.
	MaxEntry int64
	// Problem says why the holder could not look up the rest; empty if it could.
	Problem string
	// Digest is that of the holder's entry at Hello.From − 1, nil if it holds
	// none there.
	Digest *entry.Digest
	// Deleted are the offsets that the holder's deletions name, LastDeletion is
	// the number of the last.
	Deleted      Offsets
	LastDeletion uint64
	// DeletionSum is the digest of the holder's deletion number Hello.Deletions, nil
	// where it has none.
	DeletionSum *entry.Digest
	// Deletions are the first behind number Hello.Deletions, as
	// HeldLog.Deletions returns them.
	Deletions []geo.Deletion
}

func (Received) event() {}
func (Tick) event()     {}
func (Failed) event()   {}
func (Start) event()    {}
func (Applied) event()  {}
func (Renewed) event()  {}
func (Opened) event()   {}
func (Packed) event()   {}
func (Headed) event()   {}
func (Sealed) event()   {}

func (Send) action()   {}
func (End) action()    {}
func (Adopt) action()  {}
func (Renew) action()  {}
func (Apply) action()  {}
func (Leave) action()  {}
func (Delete) action() {}
func (Check) action()  {}
func (Trim) action()   {}
func (Read) action()   {}
func (Look) action()   {}
func (Seek) action()   {}
