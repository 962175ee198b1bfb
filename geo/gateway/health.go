package gateway

import (
	"time"
)

const (
	// probation is how long a backend must be well after its first fall before it is
	// up again; every further fall doubles it, up to longestProbation.
	probation        = 2 * time.Second
	longestProbation = time.Minute
	// forgiveness is after how long in health earlier falls are forgotten.
	forgiveness = 10 * time.Minute
	// smoothing is the weight of the newest round trip in the mean.
	smoothing = 0.25
)

// health is what is known of one backend. Its durations count only time in which
// the gateway ran.
type health struct {
	Entry
	listed bool
	heard  bool          // a probe has been answered, ever
	silent time.Duration // since the last answer, or since it was listed
	// refused and missed stand until the next answer.
	refused, missed string
	leaving         bool // its server has announced its end
	falls           int
	well            time.Duration // since it last fell
	trip            time.Duration // smoothed round trip, 0 where none is known
	ready           readiness

	state State
	why   string
	since time.Time

	open, ending int     // connections, and those of them that were told to end
	allowance    float64 // of gentle closes
}

// readiness follows the word of the admin API. A change counts once it has stood
// for the hysteresis; the first word counts at once.
type readiness struct {
	told     bool
	word     bool
	stands   time.Duration
	accepted bool
	why      string
}

func (r *readiness) tell(ready bool, why string) {
	if !r.told {
		*r = readiness{told: true, word: ready, accepted: ready, why: why}
		return
	}
	if r.word != ready {
		r.word, r.stands = ready, 0
	}
	if !ready {
		r.why = why
	}
}

func (r *readiness) pass(ran, hysteresis time.Duration) {
	if r.stands += ran; r.stands >= hysteresis {
		r.accepted = r.word
	}
}

func (r *readiness) refuses() bool { return r.told && !r.accepted }

// pass lets time go by.
func (h *health) pass(ran time.Duration, terms Terms) {
	if h.listed { // what is not listed is not probed either
		h.silent += ran
	}
	h.ready.pass(ran, terms.DeadAfter)
	if h.state == StateUp || h.state == StateRecovering || h.state == StateUnready {
		h.well += ran
	}
	if h.well >= forgiveness {
		h.falls = 0
	}
	h.allowance = min(h.allowance+terms.Rate*ran.Seconds(), max(1, terms.Rate))
}

func (h *health) answered(e Answered) {
	h.heard, h.silent, h.refused, h.missed, h.leaving = true, 0, "", "", e.Leaving
	switch {
	case e.RoundTrip == 0: // not measured
	case h.trip == 0:
		h.trip = e.RoundTrip
	default:
		h.trip += time.Duration(smoothing * float64(e.RoundTrip-h.trip))
	}
}

// judge says what h is by now, and why, for people.
func (h *health) judge(now time.Time, terms Terms) (State, string) {
	switch {
	case h.Standing == Fenced:
		return StateFenced, orElse(h.Why, "it is fenced")
	case !h.Until.IsZero() && !now.Before(h.Until):
		return StateLapsed, "its lease has not been renewed"
	case h.silent >= terms.DeadAfter && (h.heard || h.refused == ""):
		return StateDead, h.silence(terms)
	case !h.listed:
		return StateDraining, "it is not listed any more"
	case h.Standing == Draining:
		return StateDraining, orElse(h.Why, "it is being drained")
	case h.leaving:
		return StateDraining, "its server has announced that it stops"
	case h.refused != "":
		return StateRefusing, h.refused
	case !h.heard:
		return StateUnknown, "no probe has been answered yet"
	case h.ready.refuses():
		return StateUnready, orElse(h.ready.why, "its node is not ready")
	case h.well < h.probation():
		return StateRecovering, "it has to stay well for " + h.probation().String()
	case h.missed != "":
		return StateDoubtful, h.missed
	case h.silent >= terms.DeadAfter/2:
		return StateDoubtful, "a probe is not answered"
	}
	return StateUp, ""
}

// silence says why h counts as dead.
func (h *health) silence(terms Terms) string {
	text := "no probe has been answered for " + terms.DeadAfter.String()
	if why := orElse(h.refused, h.missed); why != "" {
		text += ": " + why
	}
	return text
}

// probation is how long h has to be well, by how often it fell.
func (h *health) probation() time.Duration {
	if h.falls == 0 {
		return 0
	}
	return min(probation<<min(h.falls-1, 10), longestProbation)
}

// settle takes the state over and counts falls; it tells what was before.
func (h *health) settle(now time.Time, terms Terms) (from State, changed bool) {
	to, why := h.judge(now, terms)
	from = h.state
	if fallen(to) && !fallen(from) && h.heard {
		h.falls++
	}
	if fallen(to) {
		h.well = 0
	}
	if h.why = why; to != from {
		h.state, h.since = to, now
	}
	return from, to != from
}

func fallen(s State) bool { return s == StateDead || s == StateRefusing }

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
