package node

import (
	"context"
	"sync"
	"time"

	"geomq/geo/control"
)

const (
	// enginePause is how often the broker's engine is looked at.
	enginePause = time.Second
	// restartPause parts two starts of a broker that does not come up.
	restartPause = 5 * time.Second
	// roomPatience is how long a broker that failed waits for room on its disk.
	roomPatience = time.Minute
)

// fulfil does the node's duties until ctx ends. When the broker's engine fails,
// they end, the broker is started again, and they begin anew.
func (n *Node) fulfil(ctx context.Context) {
	watch := n.newDiskWatch()
	watch.look() // before producers are let in anywhere
	for ctx.Err() == nil {
		working, stop := context.WithCancel(ctx)
		var group sync.WaitGroup
		for _, d := range n.duties {
			group.Go(func() { d.run(working) })
		}
		for _, region := range n.cfg.Regions {
			group.Go(func() { n.follow(working, region) })
		}
		group.Go(func() { n.watchTails(working) })
		group.Go(func() { n.watchDisk(working, watch) })
		group.Go(func() { n.tellLinks(working) })
		failing := n.awaitFailure(ctx)
		stop()
		group.Wait()
		if failing != nil {
			n.restartBroker(ctx, watch, failing)
		}
	}
}

// awaitFailure returns why the broker's engine refuses writes, or nil when ctx
// has ended.
func (n *Node) awaitFailure(ctx context.Context) error {
	for sleep(ctx, enginePause) {
		if err := n.broker.Failing(); err != nil {
			return err
		}
	}
	return nil
}

// restartBroker starts the broker again until its engine takes writes. Producers
// are kept out until the logs have been opened anew.
func (n *Node) restartBroker(ctx context.Context, watch *diskWatch, why error) {
	n.log.Error("the broker's engine refuses writes: starting it again", "error", why)
	n.event(control.Record{Kind: control.EngineFailing, Key: string(control.EngineFailing) + "/" + n.cfg.Node, Text: why.Error()})
	for _, d := range n.duties {
		d.interrupt(why)
	}
	for {
		err := n.broker.Shut(n.topics())
		if err == nil && !n.awaitRoom(ctx, watch) {
			return
		}
		if err == nil {
			err = n.broker.Restart(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		n.log.Error("the broker does not start, trying again", "error", err)
		if !sleep(ctx, restartPause) {
			return
		}
	}
}

// awaitRoom waits while the disk is full, as a new engine would fail like the old
// one; not for ever, since an engine that has shut itself down can't be read
// either. It is false when ctx has ended.
func (n *Node) awaitRoom(ctx context.Context, watch *diskWatch) bool {
	for began := time.Now(); ; {
		if watch.look(); n.disk.refusal() == "" || time.Since(began) > roomPatience {
			return ctx.Err() == nil
		}
		if !sleep(ctx, diskPause) {
			return false
		}
	}
}

// interrupt takes note that the log's broker is being started again.
func (d *duty) interrupt(why error) {
	if d.isOrigin() {
		d.close()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.err = why
	}
}
