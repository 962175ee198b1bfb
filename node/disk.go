package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"geomq/admin"
)

// room is what the node's disk allows. The zero room allows everything.
type room struct {
	mu      sync.Mutex // guards what follows
	disk    admin.Disk
	what    scarce        // of which there is as much as disk says
	changed chan struct{} // closed and replaced at every change of state
}

// set takes note of the disk and tells whether that is another state than before.
func (r *room) set(disk admin.Disk, what scarce) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.what = what
	if r.disk.State == disk.State {
		disk.Since = r.disk.Since
		r.disk = disk
		return false
	}
	disk.Since = time.Now()
	r.disk = disk
	close(r.signal())
	r.changed = make(chan struct{})
	return true
}

// signal needs the lock.
func (r *room) signal() chan struct{} {
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.changed
}

func (r *room) look() (admin.Disk, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.disk, r.signal()
}

// pulls tells whether replicas may be written.
func (r *room) pulls() (bool, <-chan struct{}) {
	disk, changed := r.look()
	return disk.State == "" || disk.State == admin.DiskOK, changed
}

func (r *room) scarce() scarce {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.what
}

// refusal says why producers must be refused, or nothing.
func (r *room) refusal() string {
	disk, _ := r.look()
	if disk.State != admin.DiskFull {
		return ""
	}
	what := r.scarce()
	return fmt.Sprintf("%s is full: producers are refused below %d %% free; %s, and they are let in again by themselves", what.of(disk.Node), disk.FenceOrigins, what.cure)
}

// scarcity says why replicas are not written, or nothing.
func (r *room) scarcity() string {
	disk, _ := r.look()
	if disk.State == "" || disk.State == admin.DiskOK {
		return ""
	}
	what := r.scarce()
	return fmt.Sprintf("%s is below %d %% free: its replicas are not written; %s, and they go on by themselves", what.of(disk.Node), disk.StopReplicas, what.cure)
}

// pull runs the log's link from when mend lets it, while the disk has room for
// replicas and no order has it rest. Control logs are small and go on without room:
// they may say what to do about it.
func (d *duty) pull(ctx context.Context, mend *mend) {
	for ctx.Err() == nil {
		asked := d.restAsked() // looked at before resting is, so that no order is missed
		if d.rest(ctx, ofLink) || !mend.await(ctx, asked) || !d.awaitRoom(ctx, asked) {
			continue
		}
		d.untilRest(ctx, asked, func(ctx context.Context) {
			working, stop := context.WithCancel(ctx)
			var watching sync.WaitGroup
			if !d.id.Control() {
				watching.Go(func() {
					d.node.disk.awaitScarcity(working)
					stop()
				})
			}
			d.link.Run(working)
			stop()
			watching.Wait()
		})
	}
}

// awaitRoom waits until the disk has room for the replica; it is false where an
// order or ctx's end came first.
func (d *duty) awaitRoom(ctx context.Context, asked <-chan struct{}) bool {
	for {
		may, changed := d.node.disk.pulls()
		if may || d.id.Control() {
			return true
		}
		select {
		case <-changed:
		case <-asked:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// awaitScarcity returns when replicas must not be written any more, or ctx has
// ended.
func (r *room) awaitScarcity(ctx context.Context) {
	for {
		may, changed := r.pulls()
		if !may {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
