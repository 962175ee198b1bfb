package node

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"geomq/broker"
	"geomq/configs"
	"geomq/geo"
	"geomq/mirror"
)

// duty is what a node does for one CommitLog: at its origin it opens the log and
// seals it, elsewhere it pulls it. In a cluster only the node that leads the
// log's stream does so.
type duty struct {
	node   *Node
	id     geo.CommitLog
	log    configs.Log
	link   *mirror.Link // nil at the origin
	sealer *mirror.Sealer
	logger *slog.Logger

	mu     sync.Mutex // guards what follows
	held   *broker.CommitLog
	err    error // why held could not be opened
	active bool  // this node leads
}

// plan lists the duties that the configuration gives to this node.
func (n *Node) plan() []*duty {
	var duties []*duty
	for _, log := range n.cfg.Logs {
		if !slices.Contains(log.Regions, n.cfg.Region) {
			continue
		}
		for _, origin := range log.Regions {
			id := geo.CommitLog{Log: log.Name, Queue: geo.SoleQueue, Origin: origin}
			d := &duty{node: n, id: id, log: log, logger: n.log.With("log", id.Stream())}
			if origin != n.cfg.Region {
				d.link = n.newLink(id)
			}
			duties = append(duties, d)
		}
	}
	return duties
}

func (n *Node) newLink(id geo.CommitLog) *mirror.Link {
	codec, _ := mirror.ParseCodec(string(n.cfg.Link.Compression)) // validated
	c := n.cluster()
	return mirror.NewLink(mirror.LinkConfig{
		Log: id, Holders: []geo.Region{id.Origin}, To: n.cfg.Region, Dialer: n.dialer(), Replicas: c,
		MaxEntry: n.maxEntry(), Credit: uint64(n.cfg.Link.Credit), Frame: int(n.cfg.Link.Frame), Codec: codec,
		Heartbeat: n.cfg.Link.Heartbeat, Logger: n.log,
	})
}

// opened tells whether the log is there.
func (d *duty) opened() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held != nil
}

// problem says why the log could not be opened or does not go on, or nothing.
func (d *duty) problem() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.err != nil:
		return d.err.Error()
	case d.sealer != nil:
		return d.sealer.Problem()
	case d.held == nil && d.link == nil:
		return "its broker has not answered yet"
	}
	return ""
}

// conflicts tells whether the stream is there and isn't what it should be.
func (d *duty) conflicts() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	var conflict *broker.ConflictError
	return errors.As(d.err, &conflict)
}

func (d *duty) leads() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.active
}

// run fulfils the duty until ctx ends.
func (d *duty) run(ctx context.Context) {
	if d.link == nil && !d.openOrigin(ctx) {
		return
	}
	for ctx.Err() == nil {
		d.whileLeading(ctx)
	}
}

// openOrigin tries until the log is open. A conflict is tried again, too: a
// person may have mended it.
func (d *duty) openOrigin(ctx context.Context) bool {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		held, err := d.node.broker.OpenOrigin(ctx, broker.LogConfig{
			ID: d.id, Topics: d.log.Topics, Replicas: replicas(d.node.cfg, d.log),
			MaxAge: d.log.Retention.MaxAge, MaxBytes: int64(d.log.Retention.MaxBytes), MaxEntries: d.log.Retention.MaxEntries,
			DedupeWindow: d.log.DedupeWindow,
		})
		if ctx.Err() != nil {
			return false
		}
		d.settle(held, err)
		if err == nil {
			return true
		}
		if !sleep(ctx, pause) {
			return false
		}
	}
}

// settle takes note of an attempt to open the log and tells news once.
func (d *duty) settle(held *broker.CommitLog, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil && (d.err == nil || d.err.Error() != err.Error()) {
		d.logger.Error("could not open the log, trying again", "error", err)
	}
	d.held, d.err = held, err
	if held != nil && d.link == nil && d.sealer == nil {
		d.sealer = &mirror.Sealer{ID: d.id, Log: heldLog{held, d.node.cluster().window}, Logger: d.logger}
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
		if d.link != nil {
			d.link.Run(working)
			return
		}
		d.sealer.Run(working)
	}()
	for d.node.clustered() && d.shouldLead(ctx) && sleep(ctx, time.Second) {
	}
	if d.node.clustered() {
		stop()
	}
	<-done
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
