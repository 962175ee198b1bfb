package importer

import (
	"errors"
	"time"
)

// stage is what a run does about sending.
type stage int

const (
	// flowing: lines are sent as fast as the window allows.
	flowing stage = iota
	// settling: something went wrong; nothing is sent until all that is out has
	// been answered or no answer comes any more.
	settling
	// blocked: nothing is out; waiting for the connection, or for the moment to
	// try again.
	blocked
	// probing: a single line is out to find out whether all is well again.
	// Without it a whole window would run against a broker whose log is not
	// ready yet, which takes the later part of it and so changes the order.
	probing
)

// action is what the sender has to do next.
type action int

const (
	hold    action = iota // wait for the next event
	send                  // send as the window allows
	rewind                // begin a new attempt with the first open line
	sendOne               // send the first open line
	search                // search the log for the lines in doubt
	hangUp                // close the connection, it is dead
	dialUp                // open a connection, then call dialled
	giveUp
)

const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 2 * time.Second
	probeWait    = 2 * time.Second
)

// Reasons that recovery finds by itself.
var (
	errSilent = errors.New("the broker does not answer")
	errDoubt  = errors.New("it is not certain which lines the log has")
)

// view is what recovery decides from.
type view struct {
	now       time.Time
	connected bool
	dialling  bool
	// out counts the lines that were sent and have no answer, open all lines
	// that are not settled.
	out, open int
	// doubt: the next line to send may be in the log, and for so long that the
	// log would not recognise it.
	doubt bool
}

// recovery decides when to send, to wait and to give up. It is a pure state
// machine: trouble, lost, dialled, failed and progress tell it what happened;
// decide says what to do, and is asked again after each action until it says
// hold, send or giveUp.
type recovery struct {
	patience, ackWait time.Duration

	stage   stage
	entered time.Time // when the stage began
	// heard is when the broker last settled a line, or when sending began.
	heard time.Time
	// stalled is when progress ended; it counts outside of flowing.
	stalled time.Time
	retryAt time.Time
	backoff time.Duration
	// reason is the last trouble, for messages.
	reason error
	// rewound and searched say what was done since the stage became blocked.
	// A search clears the way for one line even if it took so long that the
	// doubt is back.
	rewound, searched bool
}

func (r *recovery) enter(s stage, now time.Time) {
	if r.stage == flowing && s != flowing {
		r.stalled, r.backoff = now, firstBackoff
	}
	r.stage, r.entered = s, now
}

// block puts the next try off.
func (r *recovery) block(now time.Time, wait time.Duration) {
	r.enter(blocked, now)
	r.retryAt = now.Add(wait)
	r.rewound, r.searched = false, false
}

// failed says that trying again did not help: the next try comes later.
func (r *recovery) failed(now time.Time, reason error) {
	r.reason = reason
	r.block(now, r.backoff)
	r.backoff = min(2*r.backoff, maxBackoff)
}

// trouble says that a line was not taken while the connection stands.
func (r *recovery) trouble(now time.Time, reason error) {
	switch r.stage {
	case flowing:
		r.reason = reason
		r.enter(settling, now)
	case probing:
		r.failed(now, reason)
	}
}

// lost says that the connection broke, for whatever is out no answer is to be
// expected.
func (r *recovery) lost(now time.Time, reason error) {
	r.reason = reason
	if r.stage != blocked {
		r.block(now, firstBackoff)
	}
}

// dialled says how opening a connection went.
func (r *recovery) dialled(now time.Time, err error) {
	if err != nil {
		r.failed(now, err)
		return
	}
	r.retryAt, r.backoff = now, firstBackoff
}

// progress says that a line was settled.
func (r *recovery) progress(now time.Time) {
	r.heard, r.stalled = now, now
	if r.stage == probing {
		r.enter(flowing, now)
	}
}

// began says that something is sent while nothing is out.
func (r *recovery) began(now time.Time) { r.heard = now }

// waiting is for how long there has been no progress; zero where all is well.
func (r *recovery) waiting(now time.Time) time.Duration {
	if r.stage == flowing {
		return 0
	}
	return now.Sub(r.stalled)
}

// decide says what to do at the moment of v.
func (r *recovery) decide(v view) action {
	if r.waiting(v.now) > r.patience {
		return giveUp
	}
	switch r.stage {
	case flowing:
		return r.flow(v)
	case settling:
		return r.settle(v)
	case probing:
		return r.probe(v)
	}
	return r.wait(v)
}

func (r *recovery) silent(v view) bool { return v.out > 0 && v.now.Sub(r.heard) > r.ackWait }

func (r *recovery) flow(v view) action {
	switch {
	case r.silent(v):
		r.trouble(v.now, errSilent)
		return r.settle(v)
	case v.doubt:
		r.trouble(v.now, errDoubt)
		return r.settle(v)
	}
	return send
}

func (r *recovery) settle(v view) action {
	switch {
	case r.silent(v) && v.connected:
		r.block(v.now, firstBackoff)
		return hangUp
	case v.out == 0 && r.reason == errDoubt:
		r.block(v.now, 0)
	case v.out == 0 || !v.connected:
		r.block(v.now, firstBackoff)
	default:
		return hold
	}
	return r.wait(v)
}

func (r *recovery) wait(v view) action {
	switch {
	case !r.rewound:
		r.rewound = true
		return rewind
	case v.dialling || v.now.Before(r.retryAt):
		return hold
	case !v.connected:
		return dialUp
	case v.open == 0:
		r.enter(flowing, v.now)
		return send
	case v.doubt && !r.searched:
		r.searched = true
		return search
	}
	r.enter(probing, v.now)
	return sendOne
}

func (r *recovery) probe(v view) action {
	if v.out > 0 && v.now.Sub(r.entered) <= probeWait {
		return hold
	}
	r.failed(v.now, errSilent)
	if v.out > 0 && v.connected {
		return hangUp
	}
	return hold
}
