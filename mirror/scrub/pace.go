package scrub

import (
	"context"
	"time"
)

// DefaultRate is how many bytes a second a Pace allows if it is not told.
const DefaultRate = 8 << 20

// Pace caps how fast the Scrubbers that share it read, all together. It is safe
// for concurrent use.
type Pace struct {
	turn chan struct{} // capacity 1: full while some Scrubber has its turn
	budget
}

// NewPace returns a Pace of rate bytes a second, or of DefaultRate for 0.
func NewPace(rate int64) *Pace {
	if rate <= 0 {
		rate = DefaultRate
	}
	return &Pace{turn: make(chan struct{}, 1), budget: budget{rate: rate}}
}

// begin waits for a turn, which end ends.
func (p *Pace) begin(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Pace) end() { <-p.turn }

// spend waits as long as reading that many bytes should have taken. The caller
// has the turn.
func (p *Pace) spend(ctx context.Context, bytes int) error {
	wait := p.take(time.Now(), bytes)
	if wait <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// budget is the arithmetic of a Pace.
type budget struct {
	rate int64     // bytes a second
	free time.Time // when all that was taken will have been paid for
}

// take takes bytes at now and returns how long to wait behind it. What was not
// taken earlier is not saved up.
func (b *budget) take(now time.Time, bytes int) time.Duration {
	if b.free.Before(now) {
		b.free = now
	}
	b.free = b.free.Add(time.Duration(float64(bytes) / float64(b.rate) * float64(time.Second)))
	return b.free.Sub(now)
}
