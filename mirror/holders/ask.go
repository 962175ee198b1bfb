package holders

import (
	"time"

	"geomq/geo"
)

// asks lists whom to ask now.
func (c *Chooser) asks(now time.Duration) []geo.Region {
	if c.cfg.Mute || len(c.candidates) == 1 && c.origin != nil {
		return nil // nothing to choose
	}
	var ask []geo.Region
	for _, d := range c.candidates {
		if due, ok := c.due(now, d); ok && now >= due {
			d.asking, d.asked, d.applied = true, now, c.applied
			ask = append(ask, d.region)
		}
	}
	return ask
}

// due is when a holder has to be asked next; ok is false if that is not foreseen.
func (c *Chooser) due(now time.Duration, d *candidate) (at time.Duration, ok bool) {
	every := AskEvery
	switch {
	case d.asking:
		return 0, false
	case c.halted:
		every = HaltFor
	case !c.streaming || c.suspect(now):
	case c.present == c.origin || d == c.present:
		return 0, false
	case d != c.origin && d.ahead.far == 0:
		every = RelayEvery
	}
	return d.asked + every, true
}

// suspect tells whether the present session looks as if it were about to be lost.
func (c *Chooser) suspect(now time.Duration) bool {
	return c.streaming && (c.quiet(now) >= c.cfg.Patience*2/3 || c.stalled != never && now-c.stalled >= StallAfter/2)
}

// Next is when a Tick is wanted at the latest, unless another event comes first.
func (c *Chooser) Next(now time.Duration) time.Duration {
	next := now + time.Second
	for _, d := range c.candidates {
		if due, ok := c.due(now, d); ok && !c.cfg.Mute {
			next = min(next, max(due, now))
		}
		if c.present == nil && d.retry > now {
			next = min(next, d.retry)
		}
	}
	switch {
	case !c.streaming && now < c.searching+Grace:
		next = min(next, c.searching+Grace)
	case c.suspect(now):
		next = min(next, now+100*time.Millisecond)
	case c.streaming && c.present == c.origin:
		next = min(next, max(c.session.Heard, c.opened)+c.cfg.Patience*2/3)
	}
	// A session's news is read at ticks; while it is being opened, or served by
	// a relay, that has to be soon.
	if c.present != nil && (!c.streaming || c.present != c.origin) {
		next = min(next, now+250*time.Millisecond)
	}
	return max(next, now+time.Millisecond)
}
