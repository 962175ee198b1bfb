package holders

import (
	"time"

	"geomq/geo"
)

// decide says what follows from all that is known now.
func (c *Chooser) decide(now time.Duration) Decision {
	var d Decision
	switch {
	case c.leaving != "":
	case c.present != nil:
		c.leaving = c.leave(now)
		d.Leave = c.leaving
	default:
		if next := c.pick(now); next != nil {
			c.open(now, next)
			d.Pull = next.region
		}
	}
	d.Ask = c.asks(now)
	return d
}

func (c *Chooser) open(now time.Duration, next *candidate) {
	c.present, c.leaving = next, ""
	c.session = Progress{Heard: now, Applied: c.applied, Arrived: c.session.Arrived}
	c.opened = now
}

// pick chooses whom to open a session with, if anybody.
func (c *Chooser) pick(now time.Duration) *candidate {
	o := c.origin
	if c.halted && !c.lacking(now) {
		return c.again(now)
	}
	if o != nil && c.inviting(now) {
		return c.again(now)
	}
	if c.settled(now) {
		if relay := c.relay(now); relay != nil && !c.idle(now, relay) {
			return relay
		}
		if c.lacking(now) && !c.halted {
			c.halt(now)
		}
	}
	if o == nil || now < o.retry || !c.settled(now) && (c.calm > FirstCalm || c.lacking(now)) {
		return nil
	}
	return o
}

// again is whom to try once its pause is over.
func (c *Chooser) again(now time.Duration) *candidate {
	if c.origin == nil {
		return c.relay(now)
	}
	if now < c.origin.retry {
		return nil
	}
	return c.origin
}

// inviting tells whether the origin answers and may be pulled from.
func (c *Chooser) inviting(now time.Duration) bool {
	o := c.origin
	return o.ready(now) && !o.isAvoided(now) && o.failed < failures && (c.calm == FirstCalm || o.good >= c.wanted())
}

// idle tells whether a relay has nothing to give, or stood still, while the origin
// has more. However often such an origin was lost, it is tried again: two relays of
// its log have nothing but what the other has, too.
func (c *Chooser) idle(now time.Duration, relay *candidate) bool {
	o := c.origin
	if o == nil || o.isAvoided(now) || c.known(now, o) <= c.applied {
		return false
	}
	return relay.isAvoided(now) || relay.says.Last <= c.applied
}

// returns tells whether the origin has been well for long enough to leave a relay
// for it.
func (c *Chooser) returns(now time.Duration) bool {
	o := c.origin
	return o != nil && o.ready(now) && !o.isAvoided(now) && o.good >= c.wanted() && c.reaches(o)
}

// wanted is how many asks in a row the origin has to answer before a return.
func (c *Chooser) wanted() int { return 1 + int(c.calm/AskEvery) }

// lacking tells whether the origin does not have what the replica needs next, so
// that only a relay that has more is of use.
func (c *Chooser) lacking(now time.Duration) bool {
	return c.origin != nil && c.origin.isAvoided(now) && c.origin.blame == Lacks
}

// settled tells whether enough was heard since the last holder was lost to choose
// a relay: everybody's answer, or what came within Grace.
func (c *Chooser) settled(now time.Duration) bool {
	if now >= c.searching+Grace {
		return true
	}
	for _, d := range c.candidates {
		if d.at < c.searching && !d.isAvoided(now) {
			return false
		}
	}
	return true
}

// relay chooses among those who can serve, nil if nobody can. One that was left
// for another is better than none.
func (c *Chooser) relay(now time.Duration) *candidate {
	if best := c.best(now, false); best != nil {
		return best
	}
	return c.best(now, true)
}

func (c *Chooser) best(now time.Duration, lenient bool) *candidate {
	var furthest geo.Offset
	able := func(d *candidate) bool {
		avoided := d.isAvoided(now) && !(lenient && d.blame == Left)
		return d != c.origin && d != c.present && !avoided && c.serves(now, d)
	}
	for _, d := range c.candidates {
		if able(d) {
			furthest = max(furthest, d.says.Last)
		}
	}
	var best *candidate
	for _, d := range c.candidates {
		if !able(d) || d.says.Last+Slack < furthest || d.says.Last <= c.applied && furthest > c.applied {
			continue
		}
		if best == nil || d.says.RoundTrip < best.says.RoundTrip {
			best = d
		}
	}
	return best
}

// serves tells whether a relay can serve the replica from where it stands.
func (c *Chooser) serves(now time.Duration, d *candidate) bool {
	if !d.ready(now) || now < d.retry || !c.fits(d) {
		return false
	}
	if c.lacking(now) {
		return d.says.Last > c.applied
	}
	return d.says.Last >= c.applied
}

// fits tells whether the holder's table of epochs goes on where the replica's
// ends, and whether it still has the offset behind the replica's end.
func (c *Chooser) fits(d *candidate) bool { return d.says.Epochs.Extends(c.epochs) && c.reaches(d) }

// reaches tells whether the holder has what the replica needs next. What epochs
// skip, nobody has and nobody needs.
func (c *Chooser) reaches(d *candidate) bool {
	if !c.exists || d.says.First <= c.applied+1 {
		return true
	}
	lacking := geo.Range{First: c.applied + 1, Last: d.says.First - 1}
	return d.says.Epochs.Skipped().Covers(lacking)
}

// leave says why the present session should be left, if it should.
func (c *Chooser) leave(now time.Duration) Reason {
	switch {
	case !c.streaming && c.present == c.origin:
		return c.leaveUnheard(now)
	case !c.streaming:
	case c.quiet(now) >= c.cfg.Patience && c.deaf() && c.relay(now) != nil:
		return Unanswered
	case c.stalled != never && now-c.stalled >= StallAfter && c.other(now) > c.applied:
		return Stalled
	case c.present == c.origin:
	case c.returns(now):
		return OriginWell
	case c.overtaken(now):
		return Behind
	}
	return ""
}

// leaveUnheard gives up a try at an origin that answers neither it nor an ask.
func (c *Chooser) leaveUnheard(now time.Duration) Reason {
	o := c.origin
	answered := c.session.Heard > c.opened || o.ready(now) && o.failed < failures && !o.isAvoided(now)
	down := o.at >= c.searching || now >= c.searching+Grace
	if answered || !down || !c.settled(now) || c.halted || c.relay(now) == nil {
		return ""
	}
	return Unanswered
}

// quiet is for how long nothing has been heard in the present session.
func (c *Chooser) quiet(now time.Duration) time.Duration { return now - max(c.session.Heard, c.opened) }

// deaf tells whether the present holder left an ask unanswered since it was last
// heard.
func (c *Chooser) deaf() bool { return !c.present.told && c.present.at >= c.session.Heard }

// other is the furthest end known of anybody but the present holder.
func (c *Chooser) other(now time.Duration) geo.Offset {
	var end geo.Offset
	for _, d := range c.candidates {
		if d != c.present {
			end = max(end, c.known(now, d))
		}
	}
	return end
}

func (c *Chooser) overtaken(now time.Duration) bool {
	for _, d := range c.candidates {
		if d != c.present && d.ahead.leads(now) {
			return true
		}
	}
	return false
}
