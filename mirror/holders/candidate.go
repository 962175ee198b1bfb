package holders

import (
	"time"

	"geomq/geo"
)

// never is a time before all others.
const never = -time.Hour

// candidate is what is known of one holder.
type candidate struct {
	region geo.Region

	asking  bool          // an ask is under way
	asked   time.Duration // when it, or the last one, went out
	applied geo.Offset    // the replica's end at that time
	at      time.Duration // when the last ask was answered, or given up
	told    bool          // it was answered
	says    Told
	good    int // answers in a row that speak for a return; of an origin
	short   int // answers in a row that end before the replica; of an origin

	failed       int           // sessions in a row that brought nothing
	retry        time.Duration // no session before
	avoidedUntil time.Duration
	avoided      string // why, for people
	blame        Class  // of what it is avoided for

	ahead ahead
}

// ahead remembers since when a candidate is known to be ahead of the present
// holder.
type ahead struct {
	mark  geo.Offset // what the candidate had at since; 0: the present holder has it too
	since time.Duration
	far   int // answers in a row that were BehindEntries ahead
}

// answer compares what a candidate tells with the present holder's position.
func (a *ahead) answer(now time.Duration, last, position geo.Offset) {
	if last > position && a.mark == 0 {
		a.mark, a.since = last, now
	}
	if a.far++; last < position+BehindEntries {
		a.far = 0
	}
}

// pass takes in how far the present holder has come.
func (a *ahead) pass(position geo.Offset) {
	if a.mark <= position {
		a.mark = 0
	}
}

// leads tells whether the present holder should be left for the candidate.
func (a *ahead) leads(now time.Duration) bool {
	return a.far >= farAnswers || a.mark > 0 && now-a.since >= BehindFor
}

func (d *candidate) avoid(until time.Duration, why string, blame Class) {
	d.avoidedUntil, d.avoided, d.blame = until, why, blame
}

func (d *candidate) isAvoided(now time.Duration) bool { return now < d.avoidedUntil }

// fresh tells whether what the holder told still counts.
func (d *candidate) fresh(now time.Duration) bool { return d.told && now-d.at <= Memory }

// ready tells whether the holder lately said that it serves the log.
func (d *candidate) ready(now time.Duration) bool { return d.fresh(now) && d.says.Ready }

// forget drops what the holder told before a loss.
func (d *candidate) forget() { d.told, d.good, d.short = false, 0, 0 }

// answer takes in what the holder told.
func (d *candidate) answer(now time.Duration, says Told) {
	d.asking, d.at, d.told, d.says = false, now, true, says
	switch {
	case !says.Ready:
		d.good, d.short = 0, 0
		return
	case says.Last >= d.applied:
		d.short = 0
	default:
		// An end may be told late; one that stays behind the replica has to be
		// heard in a session, which halts the link.
		if d.short++; d.short < shortAnswers {
			return
		}
	}
	d.good++
}

func (d *candidate) silent(now time.Duration) {
	d.asking, d.at = false, now
	d.forget()
}
