package node

import (
	"context"
	"sync"

	"geomq/admin"
	"geomq/broker"
	"geomq/broker/disk"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/entry"
	"geomq/mirror"
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

// Event writes a record into the region's control log.
func (n *Node) Event(r control.Record) { n.event(r) }

// Learn reads a control log as its writer does, and returns how many keys it has.
func (n *Node) Learn(ctx context.Context, region geo.Region) (int, error) {
	held, err := n.cluster().open(ctx, geo.ControlLog(region))
	w := newControlWriter(n.log)
	if err == nil {
		err = w.learn(ctx, held)
	}
	return len(w.offsets), err
}

// RecordDeletion records a deletion and removes nothing, as a crash would leave it.
func (n *Node) RecordDeletion(ctx context.Context, id geo.CommitLog, d geo.Deletion) error {
	return n.records.deletions.record(ctx, id, d)
}

// PublishAgain publishes an entry of the ledger and does not take note of it.
func (n *Node) PublishAgain(ctx context.Context, id string) (admin.Republished, error) {
	b := backend{n}
	record, err := n.records.ledger.Show(ctx, id)
	if err != nil {
		return admin.Republished{}, err
	}
	d, err := b.own(geo.CommitLog{Log: record.Log.Log, Queue: record.Log.Queue, Origin: n.cfg.Region}.Stream())
	if err != nil {
		return admin.Republished{}, err
	}
	return b.publish(ctx, d, &record)
}

// Held are the entries of a log as they are stored.
func (n *Node) Held(ctx context.Context, id geo.CommitLog) (all []entry.Entry, err error) {
	held, err := n.cluster().open(ctx, id)
	if err != nil {
		return nil, err
	}
	extent, err := held.Extent(ctx)
	if err != nil {
		return nil, err
	}
	for e, err := range entries(ctx, held, extent.Range()) {
		if err != nil {
			return nil, err
		}
		all = append(all, e.Clone())
	}
	return all, nil
}

// Promised is the first offset at which a new epoch of an own log could begin if
// its tail was lost now; 0 while it has no note.
func (n *Node) Promised(id geo.CommitLog) geo.Offset {
	note, ok := n.tails.notes.Note(id.Stream())
	if !ok {
		return 0
	}
	return note.Ceiling + margin + 1
}

// Replica is what a link writes to.
func (n *Node) Replica(ctx context.Context, id geo.CommitLog) (mirror.Replica, error) {
	return n.cluster().Open(ctx, id)
}

// Whole tells whether it is written down that no entry in the middle of a replica is
// missing, and else why one may be.
func (n *Node) Whole(id geo.CommitLog) (bool, string) { return n.tails.mark.TailSafe(id.Stream()) }

// Forget drops what is kept beside a replica, as the first step of making it anew.
func (n *Node) Forget(ctx context.Context, id geo.CommitLog) error { return n.forget(ctx, id) }
