package holders

import (
	"slices"
	"time"

	"geomq/geo"
)

// Limits of the rules in the package's description.
const (
	AskEvery   = time.Second            // the origin while elsewhere, all while searching
	RelayEvery = 3 * time.Second        // other relays while one serves
	Grace      = 400 * time.Millisecond // how long answers are awaited before a relay is taken
	Memory     = 5 * time.Second        // how long an answer counts

	StallAfter    = 3 * time.Second
	BehindEntries = 10_000
	BehindFor     = 10 * time.Second
	Slack         = 1_000 // entries within which the nearer relay is better than the further

	AvoidFor = 10 * time.Second
	HaltFor  = 5 * time.Second

	FirstCalm = time.Second
	LongCalm  = 30 * time.Second
	Steady    = time.Minute
)

const (
	firstTry     = 800 * time.Millisecond // for an origin to answer when the link starts
	shortAnswers = 3                      // in a row, until an origin's end behind the replica is believed
	farAnswers   = 2                      // in a row, until a relay is left for another that is far ahead
	failures     = 3                      // in a row, until a holder that refuses everything is let alone
)

// Config describes a link to its Chooser.
type Config struct {
	// Holders lists the candidates, the origin first.
	Holders []geo.Region
	// NoOrigin says that there is no origin among them: all are relays.
	NoOrigin bool
	// Mute says that nobody can be asked: only the first holder is used.
	Mute bool
	// Patience is after how long without a word a session counts as lost.
	Patience time.Duration
}

// Chooser decides from whom a link pulls. It is used by one goroutine.
type Chooser struct {
	cfg        Config
	candidates []*candidate
	origin     *candidate // nil if there is none

	exists  bool
	applied geo.Offset
	epochs  geo.Epochs

	present   *candidate // whose session is open, or being opened
	opened    time.Duration
	leaving   Reason // the present session is being left
	session   Progress
	streaming bool
	searching time.Duration // since when, while nothing streams
	stalled   time.Duration // since when the present holder gives nothing; never if it does
	halted    bool

	returned   bool // the present pull of the origin, or the last, was a return
	returnedAt time.Duration
	calm       time.Duration // for how long the origin must answer before a return
	switches   uint64
	last       *candidate // who streamed last
}

// New returns a Chooser for a link that starts at time 0.
func New(cfg Config) *Chooser {
	c := &Chooser{cfg: cfg, calm: FirstCalm, stalled: never}
	if cfg.Mute {
		c.cfg.Holders = cfg.Holders[:min(1, len(cfg.Holders))]
	}
	for _, region := range c.cfg.Holders {
		c.candidates = append(c.candidates, &candidate{region: region, asked: never, at: never, retry: never, avoidedUntil: never})
	}
	if len(c.candidates) > 0 && (!cfg.NoOrigin || cfg.Mute) {
		c.origin = c.candidates[0]
		c.searching = firstTry // most origins are well, so that nobody needs to be asked
		for _, d := range c.candidates {
			d.asked = firstTry - AskEvery
		}
	}
	return c
}

// Step takes one event at time now, counted from the link's start, and returns
// what to do.
func (c *Chooser) Step(now time.Duration, ev Event) Decision {
	switch ev := ev.(type) {
	case Stood:
		c.exists, c.applied, c.epochs = ev.Exists, ev.Last, ev.Epochs
	case Told:
		if d := c.find(ev.Holder); d != nil {
			d.answer(now, ev)
			c.compare(now, d)
		}
	case Silent:
		if d := c.find(ev.Holder); d != nil {
			d.silent(now)
		}
	case Progress:
		c.progress(now, ev)
	case Ended:
		c.ended(now, ev)
	}
	return c.decide(now)
}

// Halted tells whether the link waits for something to change: its origin, or
// every holder, contradicts it.
func (c *Chooser) Halted() bool { return c.halted }

func (c *Chooser) find(region geo.Region) *candidate {
	at := slices.IndexFunc(c.candidates, func(d *candidate) bool { return d.region == region })
	if at < 0 {
		return nil
	}
	return c.candidates[at]
}

// progress takes in what the present session shows.
func (c *Chooser) progress(now time.Duration, p Progress) {
	if c.present == nil {
		return
	}
	if p.Streaming && !c.streaming {
		c.began(now, p)
	}
	arrived := p.Arrived != c.session.Arrived
	c.session = p
	if !c.streaming {
		return
	}
	c.exists, c.applied = true, max(c.applied, p.Applied)
	for _, d := range c.candidates {
		d.ahead.pass(c.position())
	}
	switch {
	case arrived || p.Busy || c.furthest(now) <= c.applied:
		c.stalled = never
	case c.stalled == never:
		c.stalled = now
	}
	if arrived {
		c.present.failed = 0
	}
	if c.present == c.origin && now-c.returnedAt >= Steady {
		c.calm, c.returned = FirstCalm, false
	}
}

// began takes note that the present session streams.
func (c *Chooser) began(now time.Duration, p Progress) {
	c.streaming, c.halted, c.stalled = true, false, never
	c.session.Arrived = p.Arrived
	if c.last != c.present && c.last != nil {
		c.switches++
	}
	c.last = c.present
	if c.present == c.origin {
		c.origin.avoid(never, "", Left)
		if !c.returned {
			c.returnedAt = now
		}
	}
	for _, d := range c.candidates {
		d.ahead = ahead{}
	}
}

// compare sees whether a relay that has answered is ahead of the present one.
func (c *Chooser) compare(now time.Duration, d *candidate) {
	if c.streaming && c.present != c.origin && d != c.present && d != c.origin {
		d.ahead.answer(now, c.known(now, d), c.position())
	}
}

// position is how far the present holder is known to be.
func (c *Chooser) position() geo.Offset { return max(c.session.Head, c.session.Applied, c.applied) }

// furthest is the furthest end that is known of any holder.
func (c *Chooser) furthest(now time.Duration) geo.Offset {
	end := c.session.Head
	for _, d := range c.candidates {
		if d != c.present {
			end = max(end, c.known(now, d))
		}
	}
	return end
}

// known is the end of another holder that could be pulled from, 0 if it can't.
func (c *Chooser) known(now time.Duration, d *candidate) geo.Offset {
	if !d.ready(now) || d.isAvoided(now) || !c.fits(d) {
		return 0
	}
	return d.says.Last
}
