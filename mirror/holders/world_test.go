package holders

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"geomq/geo"
)

// fataler is a testing.T or a rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// step is the world's clock: everything happens on multiples of it.
const step = 10 * time.Millisecond

const patience = 3 * time.Second

// place is a region as it truly is.
type place struct {
	name        geo.Region
	up          bool // there is a way to it; if not, everything sent to it vanishes
	ready       bool
	still       bool // its sessions live, but nothing comes
	first, last geo.Offset
	epochs      geo.Epochs
	trip        time.Duration
	refuses     Class         // the class of a refusal; Left for none
	rate        int           // entries per step that it gains
	handshake   time.Duration // how long a session takes to open; 0: two trips
}

// world is a link's surroundings in made-up time: it does what the Chooser says
// and tells it what happens.
type world struct {
	t       fataler
	c       *Chooser
	cfg     Config
	now     time.Duration
	places  []*place
	applied geo.Offset
	epochs  geo.Epochs

	session *session
	asked   map[geo.Region]bool
	queue   []delivery
	asks    int
	pulls   int
	log     []string
	next    time.Duration // of a Tick
	check   func()
}

type session struct {
	with      *place
	began     time.Duration
	streaming bool
	leaving   bool
	heard     time.Duration
	head      geo.Offset
	arrived   uint64
	since     time.Duration // of streaming
}

type delivery struct {
	at time.Duration
	ev Event
}

func newWorld(t fataler, names ...geo.Region) *world {
	w := &world{t: t, asked: map[geo.Region]bool{}, applied: 1000, epochs: geo.FirstEpochs()}
	for i, name := range names {
		w.places = append(w.places, &place{name: name, up: true, ready: true, first: 1, last: 1000, epochs: geo.FirstEpochs(), trip: time.Duration(20+10*i) * time.Millisecond})
	}
	w.cfg = Config{Holders: names, Patience: patience}
	return w
}

func (w *world) at(name geo.Region) *place {
	return w.places[slices.IndexFunc(w.places, func(p *place) bool { return p.name == name })]
}

func (w *world) start() *world {
	w.c = New(w.cfg)
	w.step(Tick{})
	return w
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%8s ", w.now)+fmt.Sprintf(format, args...))
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.log[max(0, len(w.log)-60):] {
		fmt.Println(line)
	}
	w.t.Fatalf("at %s: %s", w.now, fmt.Sprintf(format, args...))
}

// step passes an event on, behind the session's news, as a link does.
func (w *world) step(ev Event) {
	if w.session != nil {
		s := w.session
		w.do(w.c.Step(w.now, Progress{Streaming: s.streaming, Applied: w.applied, Head: s.head, Arrived: s.arrived, Heard: s.heard}))
	}
	if _, ok := ev.(Ended); ok {
		w.note("%s ended %+v", w.session.with.name, ev)
		w.session = nil
	}
	w.do(w.c.Step(w.now, ev))
	w.next = w.c.Next(w.now)
}

func (w *world) do(d Decision) {
	for _, to := range d.Ask {
		if w.asked[to] {
			w.fail("%s is asked again before it has answered", to)
		}
		w.asks++
		w.asked[to] = true
		w.answer(w.at(to))
	}
	if d.Leave != "" {
		if w.session == nil || w.session.leaving {
			w.fail("there is nothing to leave because %s", d.Leave)
		}
		w.note("leave %s: %s", w.session.with.name, d.Leave)
		w.session.leaving = true
		w.later(2*step, Ended{Class: Left})
	}
	if d.Pull != "" {
		if w.session != nil {
			w.fail("%s is pulled from while a session is open", d.Pull)
		}
		w.note("pull from %s", d.Pull)
		w.pulls++
		w.session = &session{with: w.at(d.Pull), began: w.now}
		w.later(step, Stood{Exists: true, Last: w.applied, Epochs: w.epochs})
	}
}

func (w *world) later(after time.Duration, ev Event) {
	w.queue = append(w.queue, delivery{w.now + after, ev})
}

func (w *world) answer(p *place) {
	if !p.up || p.trip > 800*time.Millisecond {
		w.later(800*time.Millisecond, Silent{p.name})
		return
	}
	w.later(p.trip, Told{Holder: p.name, Ready: p.ready, First: p.first, Last: p.last, Epochs: p.epochs, RoundTrip: p.trip})
}

// run lets the world go on for d.
func (w *world) run(d time.Duration) *world {
	for end := w.now + d; w.now < end; {
		w.now += step
		for _, p := range w.places {
			p.last += geo.Offset(p.rate)
		}
		w.deliver()
		if w.session != nil {
			w.work()
		}
		if w.now >= w.next {
			w.step(Tick{})
		}
		if w.check != nil {
			w.check()
		}
	}
	return w
}

func (w *world) deliver() {
	var due []delivery
	for i := 0; i < len(w.queue); {
		if w.queue[i].at <= w.now {
			due = append(due, w.queue[i])
			w.queue = slices.Delete(w.queue, i, i+1)
			continue
		}
		i++
	}
	for _, d := range due {
		switch ev := d.ev.(type) {
		case Told:
			w.asked[ev.Holder] = false
		case Silent:
			w.asked[ev.Holder] = false
		case Ended:
			if w.session == nil {
				continue
			}
		}
		w.step(d.ev)
	}
}

// work is what the present session does in one step of time.
func (w *world) work() {
	s, p := w.session, w.session.with
	if s.leaving {
		return
	}
	switch quiet := w.now - max(s.heard, s.began); {
	case p.up && !s.streaming && w.now-s.began >= p.opening():
		w.open()
	case !s.streaming && w.now-s.began >= 800*time.Millisecond:
		w.over(Failed, "silent")
	case quiet >= patience+time.Second: // it looks once per heartbeat
		w.over(Failed, "silent")
	case p.up && s.streaming:
		w.stream()
	}
}

func (p *place) opening() time.Duration { return max(p.handshake, 2*p.trip) }

// open is the source's answer to a Hello.
func (w *world) open() {
	s, p := w.session, w.session.with
	s.heard = w.now
	switch {
	case p.refuses != Left:
		w.over(p.refuses, "refused")
	case !p.ready:
		w.over(Failed, "no_log")
	case !p.epochs.Extends(w.epochs), p.last < w.applied:
		w.over(Contradicts, "ahead or epochs")
	case !p.epochs.Skipped().Covers(geo.Range{First: w.applied + 1, Last: p.first - 1}):
		w.over(Lacks, "trimmed")
	default:
		s.streaming, s.since, s.head = true, w.now, p.last
		w.note("streaming from %s, %d to %d", p.name, w.applied, p.last)
	}
}

func (w *world) over(class Class, cause string) {
	pause := 50 * time.Millisecond
	w.step(Ended{Class: class, Cause: cause, Pause: pause})
}

func (w *world) stream() {
	s, p := w.session, w.session.with
	if w.now%time.Second == 0 || !p.still && p.last > w.applied {
		s.heard, s.head = w.now, p.last
	}
	if !p.still && p.last > w.applied {
		w.applied = min(p.last, w.applied+5000)
		s.arrived++
	}
}

// cut breaks the way to a place, so that nobody is told.
func (w *world) cut(names ...geo.Region) *world {
	for _, name := range names {
		w.note("%s is cut off", name)
		w.at(name).up = false
	}
	return w
}

// kill is a cut that its connections show at once.
func (w *world) kill(name geo.Region) *world {
	w.cut(name)
	if w.session != nil && w.session.with.name == name && !w.session.leaving {
		w.over(Failed, "lost")
	}
	return w
}

func (w *world) heal(names ...geo.Region) *world {
	for _, name := range names {
		w.note("%s is well", name)
		w.at(name).up = true
	}
	return w
}

// from is who streams now, "" if nobody does.
func (w *world) from() geo.Region {
	if w.session == nil || !w.session.streaming || w.session.leaving {
		return ""
	}
	return w.session.with.name
}

// within waits until the link streams from name.
func (w *world) within(limit time.Duration, name geo.Region) *world {
	w.t.Helper()
	for end := w.now + limit; w.from() != name; w.run(step) {
		if w.now >= end {
			w.fail("after %s the link streams from %q, not from %s", limit, w.from(), name)
		}
	}
	return w
}

// stays checks that the link streams from name all the time.
func (w *world) stays(d time.Duration, name geo.Region) *world {
	w.t.Helper()
	for end := w.now + d; w.now < end; w.run(step) {
		if w.from() != name {
			w.fail("the link streams from %q, not from %s", w.from(), name)
		}
	}
	return w
}

func three(t *testing.T) *world { return newWorld(t, "us", "eu", "ap") }
