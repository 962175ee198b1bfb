package lease

import "time"

// Granter is a voter's memory of what it granted for one target.
type Granter struct {
	terms  Terms
	holder string // nobody knows whose, if empty
	until  time.Duration
}

// NewGranter is the memory of a process that began at started. What an earlier
// one granted is not known, so it is taken to have granted everything just then.
func NewGranter(terms Terms, started time.Duration) Granter {
	return Granter{terms: terms, until: started + terms.Wait()}
}

// Grant notes that holder is being told that it has this voter's part.
func (g *Granter) Grant(now time.Duration, holder string) {
	g.holder, g.until = holder, max(g.until, now+g.terms.Wait())
}

// Lapsed tells whether claimant may be voted for: nobody else can still hold this
// voter's part.
func (g *Granter) Lapsed(now time.Duration, claimant string) bool {
	return now >= g.until || g.holder == claimant
}

// Left is for how much longer somebody may hold this voter's part, and who, if
// that is known.
func (g *Granter) Left(now time.Duration) (time.Duration, string) {
	return max(g.until-now, 0), g.holder
}

// Release notes that holder has given its lease up, and serves no more.
func (g *Granter) Release(now time.Duration, holder string) {
	if g.holder == holder {
		g.until = now
	}
}
