package node

import (
	"context"
	"time"

	"geomq/geo/control"
)

const (
	// enginePause is how often the broker's engine is looked at.
	enginePause = time.Second
	// restartPause parts two starts of a broker that does not come up.
	restartPause = 5 * time.Second
)

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
// are kept out until the logs have been opened anew; while the disk is full a new
// engine would fail as the old one did.
func (n *Node) restartBroker(ctx context.Context, why error) {
	n.log.Error("the broker's engine refuses writes: starting it again", "error", why)
	n.event(control.Record{Kind: control.EngineFailing, Key: string(control.EngineFailing) + "/" + n.cfg.Node, Text: why.Error()})
	for {
		err := n.broker.Shut(n.topics())
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
