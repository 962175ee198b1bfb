package importer

import (
	"context"
	"fmt"
	"io"
	"time"

	"geomq/geo"
)

// Run imports cfg.Input and blocks until that is done. Result says what was
// done, whatever the error. An error wraps ErrConfig, client.ErrUnreachable,
// client.ErrNoLog, ErrLog or ErrInput where nothing was published, and is a
// *Stopped after that. When ctx ends, Run waits up to two seconds for what is on
// its way.
func Run(ctx context.Context, cfg Config) (Result, error) {
	begin := time.Now()
	if err := cfg.complete(); err != nil {
		return Result{}, err
	}
	r := &run{cfg: cfg, flight: newFlight(), began: begin}
	r.recovery = recovery{patience: cfg.Patience, ackWait: cfg.AckWait}
	r.result = Result{Skipped: map[Cause]int{}, NextLine: cfg.FromLine}
	err := r.all(ctx)
	r.result.Elapsed = time.Since(begin)
	return r.result, err
}

// run is one call of Run; the goroutine that made it owns it.
type run struct {
	cfg      Config
	wire     *wire
	target   target
	input    *input
	id       identity
	there    *lineSet
	flight   *flight
	recovery recovery
	result   Result
	acks     *ackLog

	records <-chan []record
	parser  *parser
	backlog []record // read and not in flight yet
	taken   int      // the last line that left the backlog
	// end is the highest offset of the log that is known.
	end geo.Offset
	// stopped is the line at which Policy Stop ended the run, 0 where none did.
	stopped int
	// halt ends the run once everything in flight is settled; quit ends it at
	// once, with the time from which on nothing is waited for.
	halt, quit error
	deadline   time.Time

	began, publishing, reported time.Time
}

func (r *run) all(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	if r.wire, err = dial(&r.cfg); err != nil {
		return err
	}
	defer r.wire.close()
	if r.target, err = findTarget(ctx, r.wire, &r.cfg); err != nil {
		return err
	}
	r.end, r.result.Stream = r.target.end, r.target.stream
	if r.input, err = openInput(ctx, r.cfg.Input, r.cfg.Dedupe); err != nil {
		return err
	}
	defer r.input.close()
	if err := r.identify(ctx); err != nil {
		return err
	}
	return r.transfer(ctx)
}

// identify settles the run's ids and, with Dedupe, which lines are in the log.
func (r *run) identify(ctx context.Context) error {
	if !r.cfg.Dedupe {
		r.id = newIdentity()
		return nil
	}
	content, err := r.input.open()
	if err != nil {
		return err
	}
	id, lines, err := digest(ctx, content, func() { r.report(Reading, r.input.read.Load(), r.input.size) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		if _, damaged := r.input.damaged(err); !damaged {
			return fmt.Errorf("%w: %w", ErrInput, err)
		}
	}
	r.id, r.there = id, newLineSet(lines)
	l := lookup{
		js: r.wire.js, stream: r.target.stream, id: id,
		found: func(line int, _ geo.Offset) { r.there.add(line) },
		told:  func(at, end geo.Offset) { r.report(Searching, int64(at), int64(end)) },
	}
	return l.run(ctx)
}

// transfer starts the parser, publishes, and waits for the parser to end.
func (r *run) transfer(ctx context.Context) error {
	content, err := r.input.open()
	if err != nil {
		return err
	}
	r.parser = &parser{
		in: r.input, lines: &lineReader{in: content, limit: r.target.limit},
		topic: r.cfg.Topic, key: r.cfg.Key, from: r.cfg.FromLine, there: r.there,
		out: make(chan []record, 2),
	}
	r.records, r.taken, r.publishing = r.parser.out, r.cfg.FromLine-1, time.Now()
	inner, cancel := context.WithCancel(ctx)
	go r.parser.run(inner)
	defer func() {
		cancel()
		for range r.parser.out {
		}
	}()
	r.acks = newAckLog(r.cfg.AckLog)
	err = r.publish(ctx)
	r.finish()
	if err == io.EOF {
		return nil
	}
	return &Stopped{Err: err, Acknowledged: r.result.Acknowledged(), NextLine: r.result.NextLine, Dedupe: r.cfg.Dedupe}
}

func (r *run) finish() {
	r.result.NextLine = r.taken + 1
	if p := r.flight.first(); p != nil {
		r.result.NextLine = p.line
	}
	if r.stopped > 0 {
		r.result.NextLine = min(r.result.NextLine, r.stopped)
	}
	r.reported = time.Time{}
	r.report(Publishing, r.input.read.Load(), r.input.size)
}
