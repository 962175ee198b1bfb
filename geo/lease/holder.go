package lease

import (
	"slices"
	"time"
)

// history is how many requests may be under way before the oldest is forgotten.
const history = 64

// Holder counts one lease on the side of who holds it.
type Holder struct {
	terms  Terms
	last   uint64
	asks   [history]ask // by number
	grants []Grant      // one per voter and configuration, the newest
}

type ask struct {
	number uint64
	sent   time.Duration
	scope  uint64
}

// Grant is a voter's answer to a request.
type Grant struct {
	Voter string
	// Under is the configuration that the voter votes under.
	Under uint64
	// Number is that of the request.
	Number uint64

	sent  time.Duration
	scope uint64
}

// NewHolder is a lease that nobody has granted.
func NewHolder(terms Terms) *Holder { return &Holder{terms: terms} }

// Ask numbers a request that is sent now. Scope is what the holder asks for
// besides time: a greater scope contains a smaller one.
func (h *Holder) Ask(now time.Duration, scope uint64) uint64 {
	h.last++
	h.asks[h.last%history] = ask{h.last, now, scope}
	return h.last
}

// Granted takes a voter's answer. Answers may be late, twice and out of order;
// those to requests that are not remembered count for nothing.
func (h *Holder) Granted(g Grant) {
	a := h.asks[g.Number%history]
	if g.Number == 0 || a.number != g.Number {
		return
	}
	g.sent, g.scope = a.sent, a.scope
	h.grants = slices.DeleteFunc(h.grants, func(old Grant) bool { return old.Under+1 < g.Under })
	at := slices.IndexFunc(h.grants, func(old Grant) bool { return old.Voter == g.Voter && old.Under == g.Under })
	if at < 0 {
		h.grants = append(h.grants, g)
		return
	}
	old := &h.grants[at]
	old.sent, old.scope = max(old.sent, g.sent), max(old.scope, g.scope)
}

// Quorum tells whether these voters are enough.
type Quorum func(has func(voter string) bool) bool

// Until is when the lease ends, on the holder's clock, as far as a quorum of
// voters of one configuration has granted it. It is 0 if none has.
func (h *Holder) Until(under uint64, enough Quorum) time.Duration {
	sent, ok := best(h.grants, under, enough, func(g Grant) time.Duration { return g.sent })
	if !ok {
		return 0
	}
	return sent + h.terms.Length
}

// Scope is the greatest scope that a quorum has granted at any time.
func (h *Holder) Scope(under uint64, enough Quorum) uint64 {
	scope, _ := best(h.grants, under, enough, func(g Grant) uint64 { return g.scope })
	return scope
}

// best is the greatest value that a quorum has reached.
func best[T ~int64 | ~uint64](grants []Grant, under uint64, enough Quorum, value func(Grant) T) (best T, ok bool) {
	for _, candidate := range grants {
		reached := func(voter string) bool {
			return slices.ContainsFunc(grants, func(g Grant) bool {
				return g.Voter == voter && g.Under == under && value(g) >= value(candidate)
			})
		}
		if v := value(candidate); candidate.Under == under && (!ok || v > best) && enough(reached) {
			best, ok = v, true
		}
	}
	return best, ok
}
