package node

import (
	"context"
	"sync"

	"geomq/broker"
	"geomq/broker/disk"
	"geomq/geo"
)

// disks are what tests say of data folders.
var disks sync.Map

func init() {
	measureDisk = func(folder string) (disk.Usage, error) {
		if said, ok := disks.Load(folder); ok {
			return said.(disk.Usage), nil
		}
		return disk.Usage{Free: 1, Total: 1}, nil
	}
}

// SetFree has the node's disk be free to so many percent, from the next look on.
func SetFree(folder string, percent uint64) {
	disks.Store(folder, disk.Usage{Free: percent << 30, Total: 100 << 30})
}

// Broker is the node's, for what only a broken one would do.
func (n *Node) Broker() *broker.Broker { return n.broker }

// Orders gives orders as the admin API does.
func (n *Node) Orders() Backend { return backend{n} }

// Backend is what a node's admin API asks.
type Backend = backend

// Rest runs work while the log's link rests.
func (n *Node) Rest(ctx context.Context, id geo.CommitLog, work func() error) error {
	for _, d := range n.duties {
		if d.id == id {
			return d.rebuild(ctx, func(context.Context) error { return work() })
		}
	}
	return broker.ErrNoLog
}
