package importer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/client"
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
	r.answers, r.dialled = make(chan answer, answerBuffer), make(chan dialResult, 1)
	r.recovery = recovery{patience: cfg.Patience, ackWait: cfg.AckWait}
	r.result = Result{Skipped: map[Cause]int{}, NextLine: cfg.FromLine}
	err := r.all(ctx)
	r.result.Elapsed = time.Since(begin)
	return r.result, err
}

// dialResult is a new wire, or why there is none.
type dialResult struct {
	wire *wire
	err  error
}

// run is one call of Run; the goroutine that made it owns it.
type run struct {
	cfg Config
	// control asks about the log and searches it; wire is what lines are
	// published on, nil while there is none.
	control *nats.Conn
	js      jetstream.JetStream
	wire    *wire
	answers chan answer
	// dialled gets the wire that is being opened while dialling.
	dialled  chan dialResult
	dialling bool

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
	if err := r.connect(); err != nil {
		return err
	}
	defer r.disconnect()
	var err error
	if r.target, err = findTarget(ctx, r.control, r.js, &r.cfg); err != nil {
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

func (r *run) connect() error {
	var err error
	if r.control, err = client.Connect(r.cfg.URL, "geomq import control", r.cfg.Options...); err != nil {
		return err
	}
	if r.js, err = jetstream.New(r.control); err == nil {
		r.wire, err = dial(&r.cfg, r.cfg.URL, r.answers)
	}
	if err != nil {
		r.control.Close()
	}
	return err
}

func (r *run) disconnect() {
	if r.dialling {
		(<-r.dialled).wire.close()
	}
	r.wire.close()
	r.control.Close()
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
		js: r.js, stream: r.target.stream, id: id, silence: r.cfg.Patience,
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
