package opening

import (
	"time"

	"geomq/geo"
)

// MinMargin is the least number of offsets that a new epoch keeps between itself
// and everything known.
const MinMargin = 10_000

// beyond is an offset and maxNumber an epoch's number that no log reaches. Who
// tells of one is not believed.
const (
	beyond    = geo.Offset(1) << 60
	maxNumber = uint64(1) << 60
)

// Facts are what an origin knows by itself when it opens a log.
type Facts struct {
	Log geo.CommitLog
	// Own is what the origin's stream holds. An empty table counts as that of a
	// log that has just been created.
	Own geo.Extent
	// Fresh says that there was no such stream here when the broker started, or
	// an empty one that was never open (an earlier first opening was interrupted).
	// Own is empty, or the zero Extent.
	Fresh bool
	// TailSafe says that nothing acknowledged can be missing at the end of Own;
	// Doubt why it may, as a clause ("its machine lost power"). A fresh log's
	// tail is never safe.
	TailSafe bool
	Doubt    string
	// Deletions is the number of the last deletion that the origin has recorded.
	Deletions uint64
	// Note is the origin's own promise, written down with fsync. A log that was
	// ever open here has one: it is written before producers are let in.
	Note Note
	// Others are the other regions that should hold the log.
	Others []geo.Region
	// AskWait is how long regions are waited for that can only confirm a safe
	// tail, OpenWait how long where the tail may be lost.
	AskWait, OpenWait time.Duration
	// Margin is the least distance of a new epoch from everything known: what
	// may be acknowledged in 10 s at peak rate. Less than MinMargin counts as
	// MinMargin.
	Margin uint64
	// Hint is a number that no earlier opening was given, e.g. the seconds since
	// 1970. It becomes an epoch's number where not everybody could be asked.
	Hint uint64
}

// Note is what an origin wrote down about its log while it was running.
type Note struct {
	Known bool
	// Seen is where the log ended when the note was written: everything up to it
	// had been acknowledged. Nothing behind Ceiling had.
	Seen, Ceiling geo.Offset
	// Stale says that the note comes from a restored folder: the log went on
	// behind it for an unknown time.
	Stale bool
}
