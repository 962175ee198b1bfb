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
	// Tick tells the time since the Machine was made.
	Tick struct{ Elapsed time.Duration }
)

func (Told) event()       {}
func (Silent) event()     {}
func (PulledBack) event() {}
func (PullFailed) event() {}
func (Made) event()       {}
func (Tick) event()       {}
