package opening

import (
	"time"

	"geomq/geo"
)

// Decision is what the caller has to do next. Exactly one holds at a time.
type Decision interface {
	// String says it to people: what happened to which log, what is awaited, and
	// what they can do about it.
	String() string
}

type (
	// Wait means that nothing is done but asking the regions in For, again and
	// again, until one of them tells or Until has passed since the Machine was
	// made.
	Wait struct {
		Until time.Duration
		For   []geo.Region
		said
	}
	// PullBack means to fetch entries into the origin's own stream, which is
	// fenced, until it ends at Through. Entries are on disk before an epoch table
	// that counts on them is recorded.
	PullBack struct {
		// From are the holders that have everything up to Through, the one to try
		// first in front.
		From []geo.Region
		// First is the offset to begin with: the one behind the stream's end, where
		// Table is nil.
		//
		// Otherwise no holder has that offset any more: retention had removed at the
		// origin all that is before First. Before the pull the stream is emptied
		// (trimmed to its end + 1), records Table, and skips to First−1, in this
		// order: interrupted anywhere, it is decided anew. Where retention has
		// removed everything, Through is First−1 and that is all.
		Table          geo.Epochs
		First, Through geo.Offset
		said
	}
	// NewEpoch means to retire, to record Table, and to skip, in this order, with
	// everything in the stream written to disk before Table is.
	NewEpoch struct {
		// Epoch is the new one, the last of Table. Table extends what the stream
		// records now.
		Epoch geo.Epoch
		Table geo.Epochs
		// Retire are entries of the origin's stream that an epoch it had lost
		// leaves out; they go to the ledger. Mostly none.
		Retire geo.Ranges
		// Skip are the offsets behind the stream's end that become holes; it may
		// be empty.
		Skip geo.Range
		// Lacking are offsets of earlier epochs that nobody who was asked has, and
		// that no epoch explains. Mostly none.
		Lacking geo.Ranges
		Lost    Lost
		// Nowhere are offsets in the middle of the log that were written off just now;
		// Lost counts their entries, too.
		Nowhere geo.Ranges
		// Why says what made the new epoch necessary.
		Why string
		said
	}
	// Finish means to skip up to Through: an earlier opening recorded its epoch
	// and was interrupted before the holes were made.
	Finish struct {
		Through geo.Offset
		said
	}
	// WriteOff means to record, as deletions of the log, that the entries at Offsets
	// are lost: all regions have told, and none has them. Numbers are given to these
	// deletions only where every region has told those that it knows.
	WriteOff struct {
		Offsets geo.Ranges
		said
	}
	// Anew means to put the origin's own entries at Keep into the ledger, then to
	// remove its stream with its seals, and to make an empty one: others have entries
	// at the offsets Lacking, in the middle of the log, and serve them. Interrupted
	// anywhere, it is decided anew, or the stream is gone and gets all back.
	Anew struct {
		Lacking, Keep geo.Ranges
		// From are the regions that have the rest. They are asked again before anything
		// is removed.
		From []geo.Region
		said
	}
	// PutBack means to append entries that an Anew has set aside at their offsets.
	// Before, Table is recorded unless it is nil, and what lies between the stream's
	// end and Range is skipped.
	PutBack struct {
		Table geo.Epochs
		Range geo.Range
		said
	}
	// Open means that producers may write.
	Open struct{ said }
)

// Lost counts entries that were acknowledged and that nobody who was asked has.
type Lost struct {
	// Known says whether the counts mean anything: without a note of its own an
	// origin can't tell.
	Known           bool
	AtLeast, AtMost uint64
}

// said is a decision in words.
type said string

func (s said) String() string { return string(s) }
