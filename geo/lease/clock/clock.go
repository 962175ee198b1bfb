package clock

import (
	"sync/atomic"
	"time"
)

// Clock tells the time since a moment that stays the same while it is used.
type Clock interface {
	// Now never goes back.
	Now() time.Duration
	// CountsSuspension tells whether Now goes on while the machine sleeps.
	CountsSuspension() bool
}

// Boot is the clock of this machine that is best for leases.
func Boot() Clock { return boot() }

// Manual is a clock that moves when it is told to. The zero Manual stands at 0.
type Manual struct{ now atomic.Int64 }

// Now is where the clock stands.
func (m *Manual) Now() time.Duration { return time.Duration(m.now.Load()) }

// CountsSuspension is true: Advance is all the time there is.
func (m *Manual) CountsSuspension() bool { return true }

// Advance moves the clock on.
func (m *Manual) Advance(by time.Duration) { m.now.Add(int64(by)) }

// awake is the clock of Go's runtime. It counts while a process is stopped; what
// the machine slept it leaves out on most systems.
type awake struct{ start time.Time }

func (a awake) Now() time.Duration   { return time.Since(a.start) }
func (awake) CountsSuspension() bool { return false }
