package lease

import (
	"sync/atomic"
	"time"

	"geomq/geo/lease/clock"
)

// Guard says whether a lease is held at this moment.
type Guard struct {
	clock clock.Clock
	until atomic.Int64
}

// NewGuard guards a lease that is not held yet, counted on this clock.
func NewGuard(c clock.Clock) *Guard { return &Guard{clock: c} }

// Valid tells whether the lease is held. See the package's comment for what may
// rest on the answer.
func (g *Guard) Valid() bool { return g.clock.Now() < time.Duration(g.until.Load()) }

// Extend moves the end of the lease on to until, a reading of the guard's clock.
// It never shortens a lease; Fence ends one.
func (g *Guard) Extend(until time.Duration) {
	for {
		old := g.until.Load()
		if int64(until) <= old || g.until.CompareAndSwap(old, int64(until)) {
			return
		}
	}
}

// Fence ends the lease at once.
func (g *Guard) Fence() { g.until.Store(0) }

// Left is for how long the lease is still held, 0 if it is not.
func (g *Guard) Left() time.Duration {
	return max(time.Duration(g.until.Load())-g.clock.Now(), 0)
}
