package mirror

import "slices"

// Cause says in one word why something was refused or a session ended. Causes
// are metric labels and part of the wire format: they are never renamed.
type Cause string

// Causes that a new session mends.
const (
	CauseDone      Cause = "done"       // one side is being closed
	CauseLost      Cause = "lost"       // the connection broke
	CauseSilent    Cause = "silent"     // nothing heard from the peer
	CauseDamaged   Cause = "damaged"    // checksum or format wrong
	CauseSession   Cause = "session"    // a message of another session
	CauseNumber    Cause = "number"     // a frame or seal missing, repeated or out of order
	CauseOffset    Cause = "offset"     // a frame that does not continue the log
	CauseProtocol  Cause = "protocol"   // a message that has no place there
	CauseCredit    Cause = "credit"     // more under way than granted
	CauseNoLog     Cause = "no_log"     // the holder has no such log (yet)
	CauseAnswering Cause = "unanswered" // no source answers in that region
	CauseLocal     Cause = "local"      // our own broker refused or failed
	CauseFenced    Cause = "fenced"     // the replica's end is not where we thought
	CauseStale     Cause = "stale"      // the holder has yet to hear of an epoch that the sink knows
)

// Causes that halt a link until something changes, most of them by a person.
const (
	CauseVersion  Cause = "version"  // no common protocol version
	CauseEpochs   Cause = "epochs"   // the epoch tables contradict each other
	CauseAhead    Cause = "ahead"    // the replica has more than its holder
	CauseConflict Cause = "conflict" // one offset, two entries (rule 2 broken)
	CauseTrimmed  Cause = "trimmed"  // retention removed what the replica lacks
	CauseGap      Cause = "gap"      // the holder lacks an offset for no known reason
	CauseRefused  Cause = "refused"  // the replica can't be what it must be
)

// known are the causes of this build.
var known = []Cause{
	CauseDone, CauseLost, CauseSilent, CauseDamaged, CauseSession, CauseNumber, CauseOffset, CauseProtocol, CauseCredit,
	CauseNoLog, CauseAnswering, CauseLocal, CauseFenced, CauseStale,
	CauseVersion, CauseEpochs, CauseAhead, CauseConflict, CauseTrimmed, CauseGap, CauseRefused,
}

// told is c as a peer named it, or CauseProtocol for a cause that this build
// does not know: a peer can't make up metric labels.
func (c Cause) told() Cause {
	if slices.Contains(known, c) {
		return c
	}
	return CauseProtocol
}

// Contradicts tells whether c says that replica and holder are not the same log
// any more, so that what the replica holds says nothing about the holder's.
func (c Cause) Contradicts() bool {
	return c == CauseEpochs || c == CauseAhead || c == CauseConflict
}

// Halts tells whether a link that ended for c waits for a change instead of
// trying again at once.
func (c Cause) Halts() bool {
	switch c {
	case CauseVersion, CauseEpochs, CauseAhead, CauseConflict, CauseTrimmed, CauseGap, CauseRefused:
		return true
	}
	return false
}
