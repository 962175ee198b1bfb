package node

import (
	"context"
	"fmt"
	"time"

	"geomq/admin"
)

// rest is a pause of a link that an order has asked for.
type rest struct {
	begun chan struct{} // closed by the link's runner when the link rests
	over  chan struct{} // closed by the order
	since time.Time
}

// rebuild runs work while the log's link rests.
func (d *duty) rebuild(ctx context.Context, work func(context.Context) error) error {
	r := &rest{begun: make(chan struct{}), over: make(chan struct{}), since: time.Now()}
	if !d.askRest(r) {
		return fmt.Errorf("%w: another order has the link of %s rest just now", admin.ErrRefused, d.id)
	}
	defer d.endRest(r)
	select {
	case <-r.begun:
		return work(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
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

// rest waits until the order that wants the link to rest is through; it is false
// where none does.
func (d *duty) rest(ctx context.Context) bool {
	d.mu.Lock()
	r := d.resting
	d.mu.Unlock()
	if r == nil {
		return false
	}
	select {
	case <-r.begun: // by a runner before this one
	default:
		close(r.begun)
	}
	select {
	case <-r.over:
	case <-ctx.Done():
	}
	return true
}

// pause says why the link does not run, and since when; nothing where it may.
func (d *duty) pause() (why string, since time.Time) {
	d.mu.Lock()
	resting := d.resting
	d.mu.Unlock()
	if resting != nil {
		return "an order has it rest, and lets it go on when it is done", resting.since
	}
	if disk, _ := d.node.disk.look(); !d.id.Control() {
		return d.node.disk.scarcity(), disk.Since
	}
	return "", time.Time{}
}
