package gateway

import "time"

// Event is what a Machine is told.
type Event interface{ event() }

// Listed is the Directory's complete list.
type Listed struct{ Entries []Entry }

// Answered: the backend's server has answered a probe.
type Answered struct {
	Backend string
	// RoundTrip is what was measured; 0 where nothing was.
	RoundTrip time.Duration
	// Leaving says that the server has announced its end (lame duck mode).
	Leaving bool
}

// Refused: nobody listens at the backend's address.
type Refused struct {
	Backend string
	Why     string
}

// Missed: a connection to the backend could not be made, for a client or a probe.
// It makes the backend doubtful until the next Answered.
type Missed struct {
	Backend string
	Why     string
}

// Told: the backend's admin API says whether it is ready.
type Told struct {
	Backend string
	Ready   bool
	Why     string // it isn't
}

// Opened: a connection begins to be made to the backend. One Closed follows.
type Opened struct{ Backend string }

// Closed: a connection to the backend has ended, or never came about.
type Closed struct{ Backend string }

// Tick only brings the time, every Terms.Beat.
type Tick struct{}

func (Listed) event()   {}
func (Answered) event() {}
func (Refused) event()  {}
func (Missed) event()   {}
func (Told) event()     {}
func (Opened) event()   {}
func (Closed) event()   {}
func (Tick) event()     {}
