package importer

import (
	"fmt"
	"time"

	"geomq/geo"
)

// Cause says why a line was skipped.
type Cause string

// The causes.
const (
	NotAnObject Cause = "not a JSON object"
	TooLong     Cause = "too long"
	NoKey       Cause = "no key"
	// Damaged is input whose compression breaks off or contradicts itself; all
	// that comes behind it is lost, so it is always the last line.
	Damaged Cause = "damaged gzip"
	// Refused is a line that the log would not take.
	Refused Cause = "refused by the log"
)

// Fault is one malformed line.
type Fault struct {
	// Line counts from 1.
	Line   int
	Cause  Cause
	Detail string
}

// String writes the fault for people: "line 12: no key: …".
func (f Fault) String() string { return fmt.Sprintf("line %d: %s: %s", f.Line, f.Cause, f.Detail) }

// Result says what a run did. Lines = Published + AlreadyThere + Blank + all of
// Skipped, once a run has come to its end.
type Result struct {
	// Stream is the log's stream.
	Stream string
	// Lines counts the lines that were dealt with, from FromLine on.
	Lines int
	// Published counts the lines that this run put into the log.
	Published int
	// AlreadyThere counts the lines that were in the log before it.
	AlreadyThere int
	Blank        int
	Skipped      map[Cause]int
	// Faults holds the first few of the skipped lines.
	Faults []Fault
	// Resent counts how often a line was sent again. Recognised counts the lines
	// whose first acknowledgement got lost and that turned out to be in the log,
	// by a search of it or because it recognised the line that was sent again.
	Resent, Recognised int
	// Reordered counts lines that a later one of their subject overtook.
	Reordered int
	// Bytes is the sum of the published lines' lengths.
	Bytes   int64
	Elapsed time.Duration
	// FirstOffset and LastOffset are the lowest and the highest offset that was
	// acknowledged, 0 where none was. Other publishers' entries may lie between.
	FirstOffset, LastOffset geo.Offset
	// NextLine is the first line that is not dealt with.
	NextLine int
}

// SkippedLines is the sum of Skipped.
func (r *Result) SkippedLines() int {
	sum := 0
	for _, n := range r.Skipped {
		sum += n
	}
	return sum
}

// Acknowledged counts the lines that are in the log for certain.
func (r *Result) Acknowledged() int { return r.Published + r.AlreadyThere }

func (r *Result) fault(f Fault, limit int) {
	r.Lines++
	r.Skipped[f.Cause]++
	if len(r.Faults) < limit {
		r.Faults = append(r.Faults, f)
	}
}

// span widens the acknowledged offsets by one.
func (r *Result) span(o geo.Offset) {
	if r.FirstOffset == 0 || o < r.FirstOffset {
		r.FirstOffset = o
	}
	r.LastOffset = max(r.LastOffset, o)
}

// Phase is what a run is busy with.
type Phase string

// The phases, in the order in which a run goes through them.
const (
	// Reading is the first pass over the file, for its digest.
	Reading Phase = "reading"
	// Searching is looking for the file's lines in the log; Done and Total are
	// offsets then.
	Searching Phase = "searching"
	// Publishing is the main part.
	Publishing Phase = "publishing"
)

// Progress is how far a run is.
type Progress struct {
	Phase Phase
	// Done of Total: bytes of the input as it is stored, or offsets of the log
	// in phase Searching. Total is 0 where it isn't known.
	Done, Total int64
	// Lines counts what was dealt with, Rate is how many of them a second.
	Lines int
	Rate  float64
	// Waiting says for how long the broker has made no progress, and Trouble
	// why; zero and nil where all is well.
	Waiting time.Duration
	Trouble error
}
