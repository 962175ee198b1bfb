package mirror

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"geomq/geo"
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
	Log      geo.CommitLog
	From, To geo.Region
	State    State
	Since    time.Time
	// Cause and Reason say why a link is waiting or halted.
	Cause  Cause
	Reason string
	Codec  Codec
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
	entries, frames, wire, raw, resent, repeated, seals, sessions atomic.Uint64

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
	}
}

// Status describes the link as it is now.
func (l *Link) Status() LinkStatus {
	l.mu.Lock()
	status := l.status
	l.mu.Unlock()
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
	if state != StateStreaming {
		l.status.Fresh, l.status.Used = false, 0
	}
}
