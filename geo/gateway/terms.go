package gateway

import (
	"cmp"
	"time"

	"geomq/geo"
)

// Terms are what a Machine decides by. Zero fields get the default.
type Terms struct {
	// Region is the gateway's own; its backends come first. Empty: none is own.
	Region geo.Region
	// Prefer orders the other regions. Those it doesn't name follow by round trip.
	Prefer []geo.Region
	// Stay keeps clients where they are when a more preferred region is well again.
	Stay bool
	// HomeAfter is for how long a more preferred region must have been well before
	// clients are taken there; 30 s.
	HomeAfter time.Duration
	// DeadAfter is the silence after which a backend counts as dead; 2 s.
	DeadAfter time.Duration
	// Rate is how many connections a second are closed where there is no hurry, per
	// backend; 100.
	Rate float64
	// Beat is the time between Ticks; more than twice of it between two events
	// counts as time in which the gateway itself stood still. 250 ms.
	Beat time.Duration
}

func (t Terms) withDefaults() Terms {
	t.HomeAfter = cmp.Or(t.HomeAfter, 30*time.Second)
	t.DeadAfter = cmp.Or(t.DeadAfter, 2*time.Second)
	t.Rate = cmp.Or(t.Rate, 100)
	t.Beat = cmp.Or(t.Beat, 250*time.Millisecond)
	return t
}
