package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"geomq/admin"
)

// rest is a pause of a log's link and scrubber that an order has asked for.
type rest struct {
	linkRests  chan struct{} // closed by the link's runner when the link rests
	scrubRests chan struct{} // the same of the scrubber
	over       chan struct{} // closed by the order
	since      time.Time
}

// rebuild runs work while nobody of this node touches the log's replica.
func (d *duty) rebuild(ctx context.Context, work func(context.Context) error) error {
	r := &rest{linkRests: make(chan struct{}), scrubRests: make(chan struct{}), over: make(chan struct{}), since: time.Now()}
	if !d.scrubs() {
		close(r.scrubRests)
	}
	if !d.askRest(r) {
		return fmt.Errorf("%w: another order has the link of %s rest just now", admin.ErrRefused, d.id)
	}
	defer d.endRest(r)
	for _, rests := range []chan struct{}{r.linkRests, r.scrubRests} {
		select {
		case <-rests:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return work(ctx)
}

func (d *duty) askRest(r *rest) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.resting != nil {
		return false
	}
	d.resting = r
	close(d.askedForRest())
	return true
}

func (d *duty) endRest(r *rest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.resting, d.restAsk = nil, nil
	close(r.over)
}

// askedForRest needs the lock.
func (d *duty) askedForRest() chan struct{} {
	if d.restAsk == nil {
		d.restAsk = make(chan struct{})
	}
	return d.restAsk
}

// restAsked is closed while an order wants the link to rest.
func (d *duty) restAsked() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.askedForRest()
}

// rest waits until the order is through that wants the log to rest; it is false
// where none does. rests names the caller's own channel.
func (d *duty) rest(ctx context.Context, rests func(*rest) chan struct{}) bool {
	d.mu.Lock()
	r := d.resting
	d.mu.Unlock()
	if r == nil {
		return false
	}
	select {
	case <-rests(r): // by a runner before this one
	default:
		close(rests(r))
	}
	select {
	case <-r.over:
	case <-ctx.Done():
	}
	return true
}

// untilRest runs work until an order wants the log to rest.
func (d *duty) untilRest(ctx context.Context, asked <-chan struct{}, work func(context.Context)) {
	working, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-working.Done():
		case <-asked:
			stop()
		}
	})
	work(working)
	stop()
	watching.Wait()
}

func ofLink(r *rest) chan struct{}     { return r.linkRests }
func ofScrubber(r *rest) chan struct{} { return r.scrubRests }

// pause says why the link does not run, and since when; nothing where it may.
func (d *duty) pause() (why string, since time.Time) {
	d.mu.Lock()
	resting, mending := d.resting, d.mending
	d.mu.Unlock()
	if mending.text != "" && (mending.holds || resting != nil) {
		return mending.text, mending.since
	}
	if resting != nil {
		return "an order has it rest, and lets it go on when it is done", resting.since
	}
	if disk, _ := d.node.disk.look(); !d.id.Control() {
		return d.node.disk.scarcity(), disk.Since
	}
	return "", time.Time{}
}

// rests tells whether an order has the link rest.
func (d *duty) rests() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.resting != nil
}
