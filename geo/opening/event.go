package opening

import (
	"time"

	"geomq/geo"
)

// Event is something that the caller learnt or did.
type Event interface{ event() }

type (
	// Told is a region's answer to an ask. A region that answers again replaces
	// its answer.
	Told struct {
		Region geo.Region
		// Exists says whether the region has a copy, Extent what is in it.
		Exists bool
		Extent geo.Extent
		// Deletions is the number of the last deletion that it knows.
		Deletions uint64
		// Ready says that the region serves the log to others.
		Ready bool
		// Looked says that the region has looked for holes in its copy that nothing
		// explains, Lacking are these.
		Looked  bool
		Lacking geo.Ranges
		// Problem says why the region could not tell, e.g. that its broker is
		// starting; then the rest means nothing and the region is asked again.
		Problem string
	}
	// Silent says that an ask was not answered, and why if that is known.
	Silent struct {
		Region geo.Region
		Reason string
	}
	// PulledBack says that a PullBack reached its end; Own is what the origin's
	// stream holds now.
	PulledBack struct{ Own geo.Extent }
	// PullFailed says that a PullBack came to nothing, or not to its end.
	PullFailed struct {
		// Region is the holder that failed.
		Region geo.Region
		// Contradicts says that trying again can't help: the holder's entries or
		// epochs don't fit the origin's.
		Contradicts bool
		Reason      string
		// Own is what the origin's stream holds now.
		Own geo.Extent
	}
	// Made says that a NewEpoch or a Finish has been carried out; Own is what the
	// origin's stream holds now.
	Made struct{ Own geo.Extent }
	// Surveyed is a look at the origin's own stream and records: the answer to
	// Machine.Unsurveyed, and the outcome of a WriteOff and of an Anew.
	Surveyed struct {
		Own geo.Extent
		// Lacking are the offsets within Own that hold no entry, and no epoch, no
		// deletion and no order of an operator explains it.
		Lacking geo.Ranges
		// Lost are those that were written off at any time.
		Lost geo.Ranges
		// Kept are entries that were set aside by an Anew and have not been put back.
		Kept []Kept
		// Refused says why a WriteOff or an Anew could not be carried out; the log is as
		// it was then.
		Refused string
	}
	// Returned says that a PutBack has ended; Own is what the origin's stream holds
	// now. Where that is no more than before, the rest stays where it is kept.
	Returned struct{ Own geo.Extent }
	// Tick tells the time since the Machine was made.
	Tick struct{ Elapsed time.Duration }
)

func (Told) event()       {}
func (Silent) event()     {}
func (PulledBack) event() {}
func (PullFailed) event() {}
func (Made) event()       {}
func (Surveyed) event()   {}
func (Returned) event()   {}
func (Tick) event()       {}

// Kept are entries of one epoch that stand in a row and are kept beside the log.
type Kept struct {
	Epoch uint64
	Range geo.Range
}
