package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"geomq/geo"
)

const (
	// tick is how often time is looked at when nothing else happens.
	tick = 20 * time.Millisecond
	// quitWait is how long a cancelled run waits for what is on its way.
	quitWait = 2 * time.Second
	// reportEvery is the least time between two calls of Config.Progress.
	reportEvery = 100 * time.Millisecond
)

// publish is the loop that owns a run. It returns io.EOF at the end of the input.
func (r *run) publish(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	done := ctx.Done()
	for {
		if err := r.advance(ctx); err != nil {
			return err
		}
		select {
		case <-done:
			done = nil // advance has its say now
		case batch, ok := <-r.wanted():
			r.receive(batch, ok)
		case a := <-r.answers:
			if err := r.take(a); err != nil {
				return err
			}
		case err := <-r.wire.losses():
			if errors.Is(err, ErrLog) && r.result.Acknowledged() == 0 {
				return err // it was never permitted; later it may be a broker that is opening
			}
			r.cfg.Logger.Info("import interrupted", "log", r.target.stream, "reason", err)
			r.recovery.lost(time.Now(), err)
		case d := <-r.dialled:
			r.wire, r.dialling = d.wire, false
			r.recovery.dialled(time.Now(), d.err)
		case <-ticker.C:
			r.report(Publishing, r.input.read.Load(), r.input.size)
		}
	}
}

// wanted is where to get more lines from, nil while there is no use for them.
func (r *run) wanted() <-chan []record {
	if len(r.backlog) > 0 || r.halt != nil || r.quit != nil || r.recovery.stage != flowing {
		return nil
	}
	return r.records
}

// receive takes over a batch, or the end of the input.
func (r *run) receive(batch []record, ok bool) {
	if ok {
		r.backlog = batch
		return
	}
	r.records = nil
	r.halt = r.parser.err
	if r.halt == nil {
		r.halt = io.EOF
	}
}

// advance does all that can be done without waiting. Its error ends the run.
func (r *run) advance(ctx context.Context) error {
	if r.quit == nil && ctx.Err() != nil {
		r.quit, r.deadline = ctx.Err(), time.Now().Add(quitWait)
	}
	if r.quit != nil {
		if r.flight.out == 0 || r.recovery.stage != flowing || time.Now().After(r.deadline) {
			return r.quit
		}
		return nil
	}
	r.fill()
	if r.halt != nil && len(r.backlog) == 0 && r.flight.len() == 0 {
		return r.halt
	}
	for {
		again, err := r.act(ctx)
		if err != nil || !again {
			return err
		}
	}
}

// act carries out one decision; again tells whether to ask for another.
func (r *run) act(ctx context.Context) (again bool, err error) {
	now := time.Now()
	switch r.recovery.decide(r.view(now)) {
	case send:
		r.sendAll()
		return false, nil
	case rewind:
		r.flight.rewind()
	case sendOne:
		r.sendNext(now)
	case search:
		r.search(ctx)
	case hangUp:
		r.wire.close()
	case dialUp:
		r.dial()
	case giveUp:
		return false, fmt.Errorf("%w for %s with %s: %w", ErrStalled, r.cfg.Patience, r.target.stream, r.recovery.reason)
	default:
		return false, nil
	}
	return ctx.Err() == nil, nil
}

func (r *run) view(now time.Time) view {
	return view{
		now: now, connected: r.wire.connected(), dialling: r.dialling,
		out: r.flight.out, open: r.flight.len(),
		doubt: r.flight.doubtful(now.Add(-r.target.window / 2)),
	}
}

// dial opens another wire in place of a broken one, to any server of the cluster
// that is known.
func (r *run) dial() {
	url := strings.Join(append([]string{r.cfg.URL}, r.control.DiscoveredServers()...), ",")
	r.wire.close()
	r.wire, r.dialling = nil, true
	go func() {
		w, err := dial(&r.cfg, url, r.answers)
		r.dialled <- dialResult{w, err}
	}()
}

// fill moves lines from the backlog into the window, and deals with those that
// are not to be sent.
func (r *run) fill() {
	for len(r.backlog) > 0 && r.flight.len() < r.cfg.Window && r.flight.bytes < r.cfg.WindowBytes {
		rec := &r.backlog[0]
		if rec.fault != nil && r.cfg.OnError == Stop {
			r.stopAt(*rec.fault)
			return
		}
		r.admit(rec)
		r.taken = rec.line
		r.backlog = r.backlog[1:]
	}
}

func (r *run) admit(rec *record) {
	switch {
	case rec.fault != nil:
		r.result.fault(*rec.fault, r.cfg.MaxReports)
	case rec.blank:
		r.result.Lines++
		r.result.Blank++
	case rec.there:
		r.result.Lines++
		r.result.AlreadyThere++
	default:
		r.flight.add(rec.line, rec.subject, rec.body)
	}
}

// stopAt ends the run at a malformed line, once everything before is settled.
func (r *run) stopAt(f Fault) {
	r.result.fault(f, r.cfg.MaxReports)
	r.backlog, r.records, r.stopped = nil, nil, f.Line
	r.halt = fmt.Errorf("%w: %s", ErrLine, f)
}

// sendAll sends as long as there is something to send and no doubt about it.
func (r *run) sendAll() {
	for {
		now := time.Now()
		if r.flight.peek() == nil || r.flight.doubtful(now.Add(-r.target.window/2)) || !r.sendNext(now) {
			return
		}
	}
}

// sendNext sends one line; it returns false if that can't be done now.
func (r *run) sendNext(now time.Time) bool {
	p := r.flight.peek()
	if p == nil {
		return false
	}
	if r.flight.out == 0 {
		r.recovery.began(now)
	}
	if p.sends > 0 {
		r.result.Resent++
	}
	r.flight.sent(now, r.end)
	switch err := r.wire.send(p, r.flight.attempt, r.id.of(p.line)); {
	case err == nil:
		return true
	case refusedForGood(err):
		r.refused(p, err)
		return true
	default:
		r.recovery.lost(now, err)
		return false
	}
}

// search settles the lines in flight that the log has.
func (r *run) search(ctx context.Context) {
	at := time.Now()
	r.cfg.Logger.Info("searching the log for lines in doubt", "log", r.target.stream, "from", r.flight.behind()+1)
	l := lookup{
		js: r.js, stream: r.target.stream, id: r.id, from: r.flight.behind() + 1, silence: lookupSilence,
		found: func(line int, offset geo.Offset) {
			if p := r.flight.openLine(line); p != nil {
				r.settled(p, offset, recognised)
			}
		},
		told: func(geo.Offset, geo.Offset) {},
	}
	if err := l.run(ctx); err != nil {
		r.recovery.failed(time.Now(), err)
		return
	}
	r.acks.flush()
	r.flight.searched(at)
}
