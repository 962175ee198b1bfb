package mirror

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"geomq/geo"
	"geomq/mirror/holders"
)

// Pauses between a link's sessions with the same holder.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 500 * time.Millisecond
)

// untilApplied bounds how long a link that has reached its end waits for what
// was received beyond it.
const untilApplied = time.Second

// linkRun is one call of Link.Run. Its loop is the only goroutine that touches
// the Chooser; a session and the asks run beside it and report to it.
type linkRun struct {
	link    *Link
	chooser *holders.Chooser
	start   time.Time // time 0 of the Chooser
	events  chan holders.Event
	ended   chan End
	group   sync.WaitGroup
	silent  map[geo.Region]int // asks in a row without an answer

	path      *path // of the present session, nil between two
	opened    time.Time
	stop      context.CancelFunc // ends the present session
	leaving   holders.Reason
	streaming bool
	pause     time.Duration
	told      string // holder and cause that were logged last
	word      End    // what halts the link, if it halts
	reached   time.Time
	before    uint64 // switches of earlier runs
}

func newLinkRun(l *Link) *linkRun {
	return &linkRun{
		link: l, start: time.Now(), events: make(chan holders.Event, len(l.cfg.Holders)), ended: make(chan End, 1),
		silent: make(map[geo.Region]int), pause: firstPause, before: l.stats.switches.Load(),
		chooser: holders.New(holders.Config{
			Holders: l.cfg.Holders, NoOrigin: l.cfg.NoOrigin, Mute: l.cfg.Asker == nil, Patience: patience(l.cfg.Heartbeat),
		}),
	}
}

func (r *linkRun) now() time.Duration { return time.Since(r.start) }

// loop runs until ctx ends or the replica has reached its end.
func (r *linkRun) loop(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer r.group.Wait()
	defer cancel()
	r.step(ctx, holders.Tick{})
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !r.done() {
		timer.Reset(r.chooser.Next(r.now()) - r.now())
		select {
		case <-ctx.Done():
			return
		case ev := <-r.events:
			r.step(ctx, ev)
		case end := <-r.ended:
			r.end(ctx, end)
		case <-timer.C:
			r.step(ctx, holders.Tick{})
		}
	}
}

// done tells whether the replica has come as far as it should.
func (r *linkRun) done() bool {
	until := r.link.cfg.Until
	if until == 0 {
		return false
	}
	r.link.mu.Lock()
	applied, used := r.link.status.Applied, r.link.status.Used
	r.link.mu.Unlock()
	switch {
	case applied < until:
		return false
	case r.reached.IsZero():
		r.reached = time.Now()
	}
	return used == 0 || time.Since(r.reached) > untilApplied
}

// step tells the Chooser how the session goes and what happened, and does what it
// says.
func (r *linkRun) step(ctx context.Context, ev holders.Event) {
	news := false
	if r.path != nil {
		progress := r.progress()
		news, r.streaming = progress.Streaming != r.streaming, progress.Streaming
		r.act(ctx, r.chooser.Step(r.now(), progress))
	}
	if told, ok := ev.(holders.Told); ok {
		r.silent[told.Holder] = 0
	}
	decision := r.chooser.Step(r.now(), ev)
	r.act(ctx, decision)
	if _, tick := ev.(holders.Tick); !tick || news || decision.Pull != "" || decision.Leave != "" {
		r.show()
	}
}

// show makes what the Chooser knows known to Status.
func (r *linkRun) show() {
	view := r.chooser.View(r.now())
	r.link.stats.switches.Store(r.before + view.Switches)
	r.link.view(view, r.start)
}

func (r *linkRun) act(ctx context.Context, d holders.Decision) {
	for _, to := range d.Ask {
		limit := r.link.askPatience(r.silent[to])
		r.silent[to]++
		r.group.Go(func() { r.ask(ctx, to, limit) })
	}
	if d.Leave != "" {
		r.leaving = d.Leave
		r.stop()
	}
	if d.Pull != "" {
		r.open(ctx, d.Pull)
	}
	if r.path == nil && r.chooser.Halted() {
		r.link.note(StateHalted, r.word.Cause, r.word.Text)
		r.link.lacks(r.word.Missing)
	}
}

// progress is how the present session goes.
func (r *linkRun) progress() holders.Progress {
	l := r.link
	l.mu.Lock()
	defer l.mu.Unlock()
	return holders.Progress{
		Streaming: l.status.State == StateStreaming, Applied: l.status.Applied, Head: l.status.Head.Last,
		Arrived: l.stats.frames.Load(), Busy: l.status.Used > 0, Heard: time.Duration(r.path.heard.Load()),
	}
}

// open begins a session with a holder.
func (r *linkRun) open(ctx context.Context, holder geo.Region) {
	l := r.link
	if !r.chooser.Halted() { // a try of a halted link is no news until it succeeds
		l.note(StateConnecting, "", "")
	}
	l.mu.Lock()
	if l.status.From != holder {
		r.pause = firstPause
		l.status.RoundTrip = 0
	}
	l.status.From, l.status.Origin = holder, !l.cfg.NoOrigin && holder == l.cfg.Holders[0]
	l.mu.Unlock()
	log := l.cfg.Logger.With("log", l.cfg.Log.Stream(), "from", holder)
	path := &path{dialer: l.cfg.Dialer, holder: holder, log: log, start: r.start, group: &r.group}
	session, stop := context.WithCancel(ctx)
	r.path, r.stop, r.opened, r.leaving = path, stop, time.Now(), ""
	r.group.Go(func() {
		defer stop()
		r.ended <- l.session(session, path, func(stand Stand) { r.stood(session, stand) })
	})
}

// stood passes on where the replica stands.
func (r *linkRun) stood(ctx context.Context, stand Stand) {
	r.link.mu.Lock()
	r.link.status.Applied = stand.Last
	r.link.mu.Unlock()
	r.report(ctx, holders.Stood{Exists: stand.Exists, Last: stand.Last, Epochs: stand.Epochs})
}

func (r *linkRun) report(ctx context.Context, ev holders.Event) {
	select {
	case r.events <- ev:
	case <-ctx.Done():
	}
}

// end takes in how the session ended.
func (r *linkRun) end(ctx context.Context, end End) {
	if ctx.Err() != nil {
		return
	}
	took := time.Since(r.opened)
	ended := holders.Ended{Class: classOf(end.Cause), Cause: string(end.Cause) + ": " + end.Text}
	if r.leaving != "" && end.Cause == CauseDone {
		ended = holders.Ended{Class: holders.Left}
		r.path.log.Info("leaving a holder for another", "reason", string(r.leaving))
	} else {
		ended.Pause = r.failed(end, took)
	}
	r.act(ctx, r.chooser.Step(r.now(), r.progress()))
	r.path = nil
	decision := r.chooser.Step(r.now(), ended)
	switch {
	case r.chooser.Halted(): // act tells why
	case ended.Class == holders.Left:
		r.link.note(StateWaiting, "", "")
	default:
		r.link.note(StateWaiting, end.Cause, end.Text)
	}
	r.act(ctx, decision)
	r.show()
}

// failed counts and logs what ended a session, and says how long to wait before
// the next one with the same holder.
func (r *linkRun) failed(end End, took time.Duration) time.Duration {
	r.link.stats.refuse(end.Cause)
	if end.Cause.Halts() {
		r.word = end
	}
	if took > 10*longPause {
		r.pause, r.told = firstPause, ""
	}
	if what := string(r.path.holder) + string(end.Cause); what != r.told { // once per cause, not once per try
		r.told = what
		r.path.log.Warn("link ended, opening it again", "cause", end.Cause, "reason", end.Text)
	}
	// What a try has waited for an answer counts as pause.
	wait := max(r.pause/2+rand.N(r.pause/2+1)-took, rand.N(firstPause))
	r.pause = min(2*r.pause, longPause)
	return wait
}

// ask asks a holder where it stands.
func (r *linkRun) ask(ctx context.Context, to geo.Region, limit time.Duration) {
	asking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	standing, trip, err := AskHolder(asking, r.link.cfg.Asker, to, r.link.cfg.Log, r.link.cfg.To)
	if err != nil {
		r.report(ctx, holders.Silent{Holder: to})
		return
	}
	r.report(ctx, holders.Told{
		Holder: to, Ready: standing.Exists && standing.Ready, First: standing.Extent.First, Last: standing.Extent.Last,
		Time: standing.Extent.LastTime, Epochs: standing.Extent.Epochs, RoundTrip: trip,
	})
}

// askPatience is how long an ask waits for its answer after so many in a row got
// none.
func (l *Link) askPatience(silent int) time.Duration {
	full := patience(l.cfg.Heartbeat)
	if silent%rareTry == rareTry-1 {
		return full
	}
	return min(quickAnswer, full)
}
