package node

import (
	"context"
	"fmt"

	"geomq/admin"
)

// rest is a pause of a link that an order has asked for.
type rest struct {
	begun chan struct{} // closed by the link's runner when the link rests
	over  chan struct{} // closed by the order
}

// rebuild runs work while the log's link rests.
func (d *duty) rebuild(ctx context.Context, work func(context.Context) error) error {
	r := &rest{begun: make(chan struct{}), over: make(chan struct{})}
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

// awaitTurn returns when the link may run, or ctx has ended.
func (d *duty) awaitTurn(ctx context.Context) {
	for ctx.Err() == nil {
		d.mu.Lock()
		r := d.resting
		d.mu.Unlock()
		if r == nil {
			break
		}
		select {
		case <-r.begun:
		default:
			close(r.begun)
		}
		select {
		case <-r.over:
		case <-ctx.Done():
		}
	}
	if !d.id.Control() {
		d.node.disk.await(ctx, true)
	}
}
