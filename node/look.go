package node

import (
	"context"
	"sync"
	"time"

	"geomq/geo"
)

const (
	// lookPause is for how long what was seen of a log may be shown again: it takes
	// several questions to the broker for each log, and many may want to see it.
	lookPause = time.Second
	// lookPatience is how long a status waits for what is being looked at, lookAtMost
	// how long all of it may take, and lookAtOnce at how many logs at once.
	lookPatience = 300 * time.Millisecond
	lookAtMost   = 10 * time.Second
	lookAtOnce   = 16
)

// seen is what a log's status shows beside its stream's extent.
type seen struct {
	at        time.Time
	sealed    geo.Offset
	deletions uint64
	gaps      geo.Ranges
}

// looks looks at logs and counts the ledger for those who want to know a status.
// The zero looks is ready.
type looks struct {
	logs, ledger once
	group        sync.WaitGroup

	mu   sync.Mutex // guards what follows
	ctx  context.Context
	stop context.CancelFunc
}

// once runs something in the background, one at a time.
type once struct {
	mu   sync.Mutex
	done chan struct{} // closed when it is through; nil: it does not run
}

// begin runs work unless it runs already; the result is closed when it is through.
func (o *once) begin(group *sync.WaitGroup, work func()) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done != nil {
		return o.done
	}
	done := make(chan struct{})
	o.done = done
	group.Go(func() {
		work()
		o.mu.Lock()
		defer o.mu.Unlock()
		close(done)
		o.done = nil
	})
	return done
}

// context is alive until close.
func (l *looks) context() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		l.ctx, l.stop = context.WithCancel(context.Background())
	}
	return l.ctx
}

// close ends what is under way. Nobody asks for a status any more.
func (l *looks) close() {
	l.context()
	l.stop()
	l.group.Wait()
}

// lookAround has looked at what was not lately, and returns when that is done or
// has taken long enough; then it goes on by itself.
func (n *Node) lookAround() {
	ctx := n.looks.context()
	timer := time.NewTimer(lookPatience)
	defer timer.Stop()
	for _, done := range []<-chan struct{}{
		n.looks.logs.begin(&n.looks.group, func() { n.lookAtAll(ctx) }),
		n.looks.ledger.begin(&n.looks.group, func() { n.records.counts.count(ctx, n.records.ledger) }),
	} {
		select {
		case <-done:
		case <-timer.C:
			return
		}
	}
}

func (n *Node) lookAtAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookAtMost)
	defer cancel()
	var looking sync.WaitGroup
	defer looking.Wait()
	places := make(chan struct{}, lookAtOnce)
	for _, d := range n.duties {
		places <- struct{}{}
		looking.Go(func() {
			d.look(ctx)
			<-places
		})
	}
}

// looked is what was seen of the log last.
func (d *duty) looked() seen {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen
}

// look sees how the log stands. Whatever the broker does not say now is as it was.
func (d *duty) look(ctx context.Context) {
	now := d.looked()
	if time.Since(now.at) < lookPause {
		return
	}
	held, err := d.node.cluster().open(ctx, d.id)
	if err != nil {
		return
	}
	if block, ok, err := held.SealedTo(ctx); err == nil {
		now.sealed = 0
		if ok {
			now.sealed = block.Range().Last
		}
	}
	if known, err := held.cluster.records.deletions.upTo(ctx, d.id, everyDeletion); err == nil {
		now.deletions = uint64(len(known))
	}
	if !d.isOrigin() {
		if gaps, err := held.Gaps(ctx); err == nil {
			now.gaps = gaps
		}
	}
	now.at = time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = now
}
