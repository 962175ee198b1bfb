package mirror

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"geomq/geo"
	"geomq/mirror/holders"
)

// State is what a link is doing.
type State string

// The states of a link.
const (
	StateConnecting State = "connecting" // looking for a source and asking it
	StateStreaming  State = "streaming"  // connected; entries come as they are written
	StateWaiting    State = "waiting"    // between two sessions
	StateHalted     State = "halted"     // something must change first; see Reason
	StateClosed     State = "closed"     // Run has returned
)

// LinkStatus describes a link at one moment. Totals count from NewLink on.
type LinkStatus struct {
	Log geo.CommitLog
	// From is the present holder, or the last one, To our own region.
	From, To geo.Region
	// Origin tells whether From is the log's origin; where the link is with
	// another holder for a reason that it knows, Why says it.
	Origin bool
	Why    string
	// Holders says what is known of each region that the link may pull from.
	Holders []HolderStatus
	State   State
	Since   time.Time
	// Cause and Reason say why a link is waiting or halted.
	Cause  Cause
	Reason string
	// Missing is what a halted link can't get from anybody; without offsets where
	// that is not why it is halted.
	Missing geo.Range
	Codec   Codec
	// Applied is the replica's end; 0 until it is known.
	Applied geo.Offset
	// AppliedTime is the origin time of the newest entry that this link has
	// applied, in nanoseconds since 1970; 0 until there is one.
	AppliedTime int64
	// Head is the holder's end as last told, at HeadAt. Fresh is false where
	// that is too old to say anything about a lag.
	Head   Head
	HeadAt time.Time
	Fresh  bool
	// Behind is since when the link has known of the oldest entry that the
	// replica lacks; zero where it lacks none.
	Behind time.Time
	// RoundTrip is how long the way to the holder's broker and back took when
	// the session began; 0 where the connection does not know.
	RoundTrip time.Duration
	Credit    uint64 // uncompressed bytes that may be under way
	Used      uint64 // uncompressed bytes that are
	Totals
	Refused map[Cause]uint64 // sessions ended, by cause
}

// HolderStatus is what a link knows of a region that it may pull from.
type HolderStatus struct {
	Region geo.Region
	Origin bool
	// At is when it last answered, or failed to answer, the question where it
	// stands; zero if it was not asked, as nobody is while the origin serves.
	At time.Time
	// Told tells whether it answered. Only then are the following set: whether it
	// serves the log, its end and the time of its newest entry, which are
	// what it had at At and may be more by now, and how long its answer took.
	Told, Ready bool
	Last        geo.Offset
	LastTime    time.Time
	RoundTrip   time.Duration
	// AvoidedUntil is zero if the link would pull from it; Avoided says why not.
	AvoidedUntil time.Time
	Avoided      string
}

// Totals are a link's counters.
type Totals struct {
	Entries  uint64 // applied
	Frames   uint64
	Wire     uint64 // bytes received, headers of frames included
	Raw      uint64 // the same before compression
	Resent   uint64 // entries that were there already
	Repeated uint64 // entries with a key that stands at another offset too
	Seals    uint64 // blocks proved equal to the origin's seal
	Sessions uint64
	Switches uint64 // sessions with another holder than the one before
}

// Lag is how far the replica is behind the holder: in entries, bytes of the
// holder's store (estimated from the mean) and the age of what it lacks: for how
// long the link has known of it, or if more than one entry is lacking the time
// between the two newest entries where that is more. ok is false where there is
// no fresh head.
func (s *LinkStatus) Lag() (entries, bytes uint64, age time.Duration, ok bool) {
	if !s.Fresh {
		return 0, 0, 0, false
	}
	if s.Head.Last <= s.Applied {
		return 0, 0, 0, true
	}
	entries = uint64(s.Head.Last - s.Applied)
	if s.Head.Entries > 0 {
		bytes = uint64(float64(entries) * float64(s.Head.Bytes) / float64(s.Head.Entries))
	}
	if !s.Behind.IsZero() {
		age = time.Since(s.Behind)
	}
	if s.AppliedTime > 0 && entries > 1 {
		age = max(time.Duration(s.Head.Time-s.AppliedTime), age)
	}
	return entries, bytes, age, true
}

// stats are the counters of a link, safe for concurrent use.
type stats struct {
	entries, frames, wire, raw, resent, repeated, seals, sessions, switches atomic.Uint64

	mu      sync.Mutex
	refused map[Cause]uint64
}

func (s *stats) refuse(cause Cause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil {
		s.refused = make(map[Cause]uint64)
	}
	s.refused[cause]++
}

func (s *stats) totals() Totals {
	return Totals{
		Entries: s.entries.Load(), Frames: s.frames.Load(), Wire: s.wire.Load(), Raw: s.raw.Load(),
		Resent: s.resent.Load(), Repeated: s.repeated.Load(), Seals: s.seals.Load(), Sessions: s.sessions.Load(),
		Switches: s.switches.Load(),
	}
}

// Status describes the link as it is now.
func (l *Link) Status() LinkStatus {
	l.mu.Lock()
	status, choice := l.status, l.choice
	l.mu.Unlock()
	status.Why, status.Holders = choice.Why, choice.holders()
	status.Totals = l.stats.totals()
	l.stats.mu.Lock()
	defer l.stats.mu.Unlock()
	status.Refused = maps.Clone(l.stats.refused)
	return status
}

// note enters a state. Waiting and connecting keep the reason of the session
// before, since that is what a person wants to know meanwhile.
func (l *Link) note(state State, cause Cause, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status.State != state {
		l.status.State, l.status.Since = state, time.Now()
	}
	if cause != "" || state == StateStreaming {
		l.status.Cause, l.status.Reason = cause, reason
	}
	if state != StateHalted {
		l.status.Missing = nothing
	}
	if state != StateStreaming {
		l.status.Fresh, l.status.Used = false, 0
	}
}

// lacks keeps what a halted link can't get; nil if that is not why it is halted.
func (l *Link) lacks(missing *geo.Range) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status.Missing = nothing; missing != nil {
		l.status.Missing = *missing
	}
}

// choice is a Chooser's View and the beginning of its time.
type choice struct {
	holders.View
	start time.Time
}

// view takes note of what the Chooser knows. The View is not changed any more.
func (l *Link) view(v holders.View, start time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.choice = choice{v, start}
}

// holders describes the holders as of now.
func (k choice) holders() []HolderStatus {
	described := make([]HolderStatus, 0, len(k.Holders))
	for _, h := range k.Holders {
		s := HolderStatus{Region: h.Holder, Origin: h.Origin, Told: h.Told}
		if h.At >= 0 {
			s.At = k.start.Add(h.At)
		}
		if h.Told {
			s.Ready, s.Last, s.LastTime, s.RoundTrip = h.Ready, h.Last, h.Time, h.RoundTrip
		}
		if until := k.start.Add(h.AvoidedUntil); h.AvoidedUntil > 0 && time.Now().Before(until) {
			s.AvoidedUntil, s.Avoided = until, h.Avoided
		}
		described = append(described, s)
	}
	return described
}

// nothing is a range without offsets; the zero Range holds offset 0.
var nothing = geo.Range{First: 1}
