package gossip

import (
	"sync"
	"time"
)

const (
	// logEvery is the least time between two logs of one cause.
	logEvery = time.Minute
	// maxCauses bounds how many causes are told apart, since foreign bytes can
	// shape them; all beyond count as one.
	maxCauses  = 64
	otherCause = "other"
)

// limiter lets each cause through once per logEvery and counts the rest. It is
// safe for concurrent use.
type limiter struct {
	mu     sync.Mutex
	causes map[string]*causeCount
}

type causeCount struct {
	next     time.Time
	withheld int
}

func newLimiter() *limiter { return &limiter{causes: make(map[string]*causeCount)} }

// pass tells whether to log the cause now and how many times it was withheld
// since it was last logged.
func (l *limiter) pass(cause string, now time.Time) (ok bool, withheld int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.of(cause)
	if now.Before(c.next) {
		c.withheld++
		return false, 0
	}
	withheld = c.withheld
	c.next, c.withheld = now.Add(logEvery), 0
	return true, withheld
}

func (l *limiter) of(cause string) *causeCount {
	if c, known := l.causes[cause]; known {
		return c
	}
	if len(l.causes) >= maxCauses && cause != otherCause {
		return l.of(otherCause)
	}
	c := &causeCount{}
	l.causes[cause] = c
	return c
}
