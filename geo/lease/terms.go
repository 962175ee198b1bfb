package lease

import (
	"errors"
	"fmt"
	"time"
)

// ErrTerms goes to who configures leases; the text says what is wrong with the
// terms. Nothing may run with them.
var ErrTerms = errors.New("impossible terms of a lease")

// maxDrift is where a clock is broken rather than inexact.
const maxDrift = 0.2

// Terms are what all voters and holders of a target agree on. Changing them needs
// all of them stopped for the longer of both Waits.
type Terms struct {
	// Length is how long a grant lasts, on the holder's clock, from when the
	// request was sent. None means that the target knows no leases.
	Length time.Duration
	// Drift is by how much the rate of any one clock may be off: 0.01 is 1 %.
	Drift float64
}

// Wait is how long a voter does not let go of what it granted, on its own clock.
func (t Terms) Wait() time.Duration {
	if t.Length <= 0 {
		return 0
	}
	return time.Duration(float64(t.Length)*(1+t.Drift)/(1-t.Drift)) + time.Nanosecond
}

// Validate says what can't be kept; the error wraps ErrTerms.
func (t Terms) Validate() error {
	switch {
	case t.Length < 0:
		return fmt.Errorf("%w: a length of %v", ErrTerms, t.Length)
	case !(t.Drift >= 0 && t.Drift <= maxDrift):
		return fmt.Errorf("%w: a drift of %v, 0 to %v are possible", ErrTerms, t.Drift, maxDrift)
	}
	return nil
}
