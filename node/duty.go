package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"geomq/admin"
	"geomq/broker"
	"geomq/configs"
	"geomq/geo"
	"geomq/mirror"
	"geomq/mirror/scrub"
)

// duty is what a node does for one CommitLog: at its origin it opens the log and
// seals it, elsewhere it pulls it. In a cluster only the node that leads the
// log's stream does so.
type duty struct {
	node   *Node
	id     geo.CommitLog
	log    configs.Log
	link   *mirror.Link // nil at the origin
	logger *slog.Logger

	deleting sync.Mutex // held while an order deletes entries
	told     linkNews   // of tellLinks
	tail     tail       // at the origin

	mu       sync.Mutex // guards what follows
	held     *broker.CommitLog
	err      error          // why the log could not be opened
	opening  *admin.Opening // at the origin, until the log is open
	began    time.Time      // when the opening began
	open     bool           // at the origin: producers may write, but for a fence
	fenced   string         // why an open log takes nothing from producers
	sealer   *mirror.Sealer // of an open log
	active   bool           // this node leads
	scrubber *scrub.Scrubber
	mending  mending       // at a replica
	resting  *rest         // an order has the link rest
	restAsk  chan struct{} // closed while one does
	seen     seen
}

// isOrigin tells whether the log is this region's own.
func (d *duty) isOrigin() bool { return d.link == nil }

// opened tells whether the log may be written and served.
func (d *duty) opened() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// problem says why the log could not be opened or does not go on, or nothing.
func (d *duty) problem() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.err != nil:
		return d.err.Error()
	case d.mending.text != "":
		return d.mending.text
	case d.opening != nil && d.opening.Text != "":
		return d.opening.Text
	case d.fenced != "":
		return d.fenced
	case d.sealer != nil:
		return d.sealer.Problem()
	case d.held == nil && d.isOrigin():
		return "its broker has not answered yet"
	}
	return ""
}

// conflicts tells whether the stream is there and isn't what it should be.
func (d *duty) conflicts() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return isConflict(d.err)
}

func isConflict(err error) bool {
	var conflict *broker.ConflictError
	return errors.As(err, &conflict)
}

func (d *duty) leads() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.active
}

// run fulfils the duty until ctx ends. A log that was open before, under a broker
// that has been started again since, is opened again.
func (d *duty) run(ctx context.Context) {
	if d.isOrigin() {
		d.close()
		if !d.openOrigin(ctx) {
			return
		}
	}
	if d.isOrigin() && d.id.Control() {
		d.node.control.write(ctx, d.heldLog(), d.shouldLead)
		return
	}
	for ctx.Err() == nil {
		d.whileLeading(ctx)
	}
}

// close takes the log for one that has yet to be opened. Who has found it open a
// moment ago goes on with the stream as it is.
func (d *duty) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.sealer, d.fenced = false, nil, ""
	d.tail.forget()
	d.began = time.Now()
	d.opening = &admin.Opening{State: "asking", Since: d.began}
}

// openOrigin opens the log, in a cluster only once this node leads its stream;
// the others let their clients in when the log takes entries.
func (d *duty) openOrigin(ctx context.Context) bool {
	if !d.awaitLoadable(ctx) {
		return false
	}
	fresh, ok := d.missing(ctx)
	if !ok || !d.makeOrigin(ctx) {
		return false
	}
	for d.node.clustered() && !d.shouldLead(ctx) {
		if d.follow(ctx) {
			return true
		}
		if !sleep(ctx, time.Second) {
			return false
		}
	}
	return d.openLog(ctx, fresh) == nil
}

// follow lets this node's clients in if the node that leads the log has done so.
func (d *duty) follow(ctx context.Context) bool {
	held := d.heldLog()
	if d.id.Control() {
		d.settled(held, "")
		return true
	}
	if fenced, err := held.Fenced(ctx); err != nil || fenced {
		return false
	}
	d.node.broker.Admit(d.log.Topics)
	d.settled(held, "")
	return true
}

// makeOrigin tries until the stream is there. A conflict is tried again, too: a
// person may have mended it.
func (d *duty) makeOrigin(ctx context.Context) bool {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		held, err := d.node.broker.OpenOrigin(ctx, broker.LogConfig{
			ID: d.id, Topics: d.log.Topics, Replicas: replicas(d.node.cfg, d.log),
			MaxAge: d.log.Retention.MaxAge, MaxBytes: int64(d.log.Retention.MaxBytes), MaxEntries: d.log.Retention.MaxEntries,
			DedupeWindow: d.log.DedupeWindow,
		})
		if ctx.Err() != nil {
			return false
		}
		d.fail(err)
		if err == nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.held = held
			return true
		}
		if !sleep(ctx, pause) {
			return false
		}
	}
}

// missing tells whether the stream has never been here; ok is false where ctx
// ended before the broker could say so.
func (d *duty) missing(ctx context.Context) (missing, ok bool) {
	for {
		_, err := d.node.broker.Lookup(ctx, d.id)
		if err == nil || errors.Is(err, broker.ErrNoLog) || isConflict(err) {
			return errors.Is(err, broker.ErrNoLog), true
		}
		d.fail(err)
		if !sleep(ctx, carryPause) {
			return false, false
		}
	}
}

// fail takes note of why the log could not be opened, and tells news once; nil
// says that what was wrong is over.
func (d *duty) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil && (d.err == nil || d.err.Error() != err.Error()) {
		d.logger.Error("could not open the log, trying again", "error", err)
	}
	d.err = err
}

// heldLog is the stream of a log that makeOrigin has opened.
func (d *duty) heldLog() heldLog {
	d.mu.Lock()
	defer d.mu.Unlock()
	return heldLog{d.held, d.node.cluster()}
}

// settled takes note that the log is open, though it may take nothing for the
// reason given.
func (d *duty) settled(held heldLog, fenced string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.opening, d.err, d.fenced = true, nil, nil, fenced
	if !d.id.Control() {
		d.sealer = &mirror.Sealer{ID: d.id, Log: &restingLog{heldLog: held, tail: &d.tail}, Logger: d.logger}
	}
}

// whileLeading waits until this node leads the log, works until it doesn't any
// more or ctx ends, and returns.
func (d *duty) whileLeading(ctx context.Context) {
	for !d.shouldLead(ctx) {
		if !sleep(ctx, time.Second) {
			return
		}
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	d.setActive(true)
	defer d.setActive(false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.work(working)
	}()
	for d.node.clustered() && d.shouldLead(ctx) && sleep(ctx, time.Second) {
	}
	if d.node.clustered() {
		stop()
	}
	<-done
}

// work is what the node that leads the log does until ctx ends.
func (d *duty) work(ctx context.Context) {
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { d.scrub(ctx) })
	if d.link != nil {
		mend := d.newMend()
		beside.Go(func() { mend.run(ctx) })
		d.pull(ctx, mend)
		return
	}
	d.mu.Lock()
	sealer := d.sealer
	d.mu.Unlock()
	sealer.Run(ctx)
}

func (d *duty) setActive(active bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active = active
}

// shouldLead tells whether this node leads the log's stream. For a replica that
// has yet to be created it is the region's first node that answers.
func (d *duty) shouldLead(ctx context.Context) bool {
	if !d.node.clustered() {
		return true
	}
	held, err := d.node.broker.Lookup(ctx, d.id)
	if errors.Is(err, broker.ErrNoLog) {
		nodes := d.node.members.Region(d.node.cfg.Region)
		return len(nodes) > 0 && nodes[0].Name == d.node.cfg.Node
	}
	if err != nil {
		return d.leads() // nothing known: all stays as it is
	}
	leader, err := held.Leader(ctx)
	if err != nil {
		return d.leads()
	}
	return leader == d.node.cfg.Node
}

func (n *Node) clustered() bool { return n.cfg.Broker.Brokers > 1 }

// sleep waits for d and tells whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
