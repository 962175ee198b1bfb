package holders

import "time"

// ended takes in how the present session ended.
func (c *Chooser) ended(now time.Duration, ev Ended) {
	d, why := c.present, c.leaving
	if d == nil {
		return
	}
	if c.streaming {
		c.searching = now
	}
	if c.streaming && ev.Class == Left {
		c.searching = now - Grace // who is better is known already
	}
	streamed, halted := c.streaming, c.halted
	c.present, c.leaving, c.streaming, c.halted, c.stalled = nil, "", false, false, never
	if ev.Class == Left {
		c.left(now, d, why)
		return
	}
	if !halted {
		c.askAll()
	}
	d.retry = now + ev.Pause
	switch ev.Class {
	case Failed:
		d.forget()
		if streamed {
			d.at = never // what was heard before the loss says nothing now
		}
		c.failed(now, d, streamed, ev.Cause)
	case Own:
		c.failed(now, d, streamed, ev.Cause)
	case Lacks:
		d.avoid(now+AvoidFor, ev.Cause, ev.Class)
	case Contradicts:
		d.avoid(now+AvoidFor, ev.Cause, ev.Class)
		if d == c.origin {
			c.halt(now)
		}
	case Unfit:
		c.halt(now)
		for _, d := range c.candidates {
			d.retry = now + HaltFor
		}
	}
	c.haltIfAllContradict(now)
}

// failed counts what brought nothing. A holder that refuses each session though
// it answers asks is let alone for a while.
func (c *Chooser) failed(now time.Duration, d *candidate, streamed bool, cause string) {
	if streamed {
		d.failed = 0
	}
	d.failed++
	if d == c.origin {
		c.flapped(now)
	} else if d.failed >= failures {
		d.avoid(now+AvoidFor, cause, Failed)
	}
}

// left takes in that the present session ended because the Chooser said so.
func (c *Chooser) left(now time.Duration, d *candidate, why Reason) {
	switch why {
	case Stalled, Behind:
		d.avoid(now+AvoidFor, string(why), Left)
	case Unanswered:
		d.forget()
	case OriginWell: // the relay stays at hand, as the session showed it
		c.returned, c.returnedAt = true, now
		c.origin.failed = min(c.origin.failed, failures-1) // one more, and it is passed over again
		d.at, d.says.Last = now, c.position()
	}
	if d == c.origin {
		c.flapped(now)
	}
}

// flapped lets an origin that was lost soon after a return answer for longer
// before the next.
func (c *Chooser) flapped(now time.Duration) {
	if c.returned && now-c.returnedAt < Steady {
		c.calm = min(2*c.calm, LongCalm)
	}
	c.returned = false
}

// halt makes the link wait; the origin, or whoever is there, is tried again after
// HaltFor.
func (c *Chooser) halt(now time.Duration) {
	c.halted = true
	if c.origin != nil {
		c.origin.retry = now + HaltFor
	}
}

// haltIfAllContradict also covers a link with one holder, which lacks something.
func (c *Chooser) haltIfAllContradict(now time.Duration) {
	for _, d := range c.candidates {
		if !d.isAvoided(now) || d.blame != Lacks && d.blame != Contradicts {
			return
		}
	}
	c.halt(now)
	if c.origin == nil {
		for _, d := range c.candidates {
			d.avoidedUntil = min(d.avoidedUntil, now+HaltFor)
		}
	}
}

// askAll makes all asks due.
func (c *Chooser) askAll() {
	for _, d := range c.candidates {
		d.asked = never
	}
}
