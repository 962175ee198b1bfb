package node

import (
	"context"
	"fmt"
	"time"

	"geomq/admin"
	"geomq/broker/disk"
	"geomq/geo/control"
)

// diskPause is how often the room on the disk is measured. What fits into the
// last percents of a disk takes longer to come.
const diskPause = time.Second

// measureDisk is how much room the data folder has; tests have it say otherwise.
var measureDisk = disk.Statfs

// diskWatch measures the room on the node's disk. One goroutine uses it.
type diskWatch struct {
	node    *Node
	watcher *disk.Watcher
}

// scarcest is the lesser of the room on the disk and that in the store: how much of
// it is free, of how much, and what it is called.
func (w *diskWatch) scarcest() (free, total uint64, what scarce) {
	u := w.watcher.Usage()
	if onDisk := (disk.Usage{Free: u.Free, Total: u.Total}); u.FreePart() < onDisk.FreePart() {
		return u.Limit - min(u.Used, u.Limit), u.Limit, w.node.scarceStore()
	}
	return u.Free, u.Total, scarceDisk
}

func (n *Node) newDiskWatch() *diskWatch {
	limits := n.cfg.Disk
	room := &storeRoom{node: n}
	return &diskWatch{node: n, watcher: disk.New(disk.Config{
		Folder: n.cfg.Data, Log: n.log, Measure: room.measure,
		Thresholds: disk.Thresholds{Replicas: float64(limits.StopReplicas) / 100, Origins: float64(limits.FenceOrigins) / 100},
	})}
}

// look measures once and makes it known.
func (w *diskWatch) look() {
	n := w.node
	state, _ := w.watcher.Look()
	free, total, what := w.scarcest()
	d := admin.Disk{
		Region: n.cfg.Region, Node: n.cfg.Node, State: diskStates[state], Free: free, Total: total,
		StopReplicas: n.cfg.Disk.StopReplicas, FenceOrigins: n.cfg.Disk.FenceOrigins,
	}
	before, _ := n.disk.look()
	if n.disk.set(d, what) && (before.State != "" || d.State != admin.DiskOK) {
		n.event(control.Record{
			Kind: control.DiskState, Key: string(control.DiskState) + "/" + n.cfg.Node,
			Text: fmt.Sprintf("%s is %s: %.1f %% are free", what.of(n.cfg.Node), d.State, 100*w.watcher.Usage().FreePart()),
		})
	}
}

// watchDisk follows the room on the node's disk until ctx ends: below one
// threshold links stop, below the other producers are refused, and both go on by
// themselves when there is room again.
func (n *Node) watchDisk(ctx context.Context, watch *diskWatch) {
	for {
		n.obeyDisk(ctx)
		if !sleep(ctx, diskPause) {
			return
		}
		watch.look()
	}
}

var diskStates = map[disk.State]admin.DiskState{
	disk.OK: admin.DiskOK, disk.ReplicasStop: admin.DiskLow, disk.OriginsFence: admin.DiskFull,
}

// obeyDisk fences open logs while the disk is full, and lets producers in again.
func (n *Node) obeyDisk(ctx context.Context) {
	refusal := n.disk.refusal()
	for _, d := range n.duties {
		if !d.isOrigin() || d.id.Control() || !d.opened() || n.clustered() && !d.leads() {
			continue
		}
		if err := d.obey(ctx, refusal); err != nil && ctx.Err() == nil {
			d.logger.Error("could not follow the state of the disk, trying again", "error", err)
		}
	}
}

// obey fences the log if there is a reason to, and takes the fence away if there
// is none any more.
func (d *duty) obey(ctx context.Context, refusal string) error {
	is, err := d.isFenced(ctx)
	if err != nil || is == (refusal != "") {
		return err
	}
	held := d.heldLog()
	text := "producers are let in again"
	if refusal == "" {
		if err := d.unfence(ctx, held); err != nil {
			return err
		}
	} else {
		end, err := held.Fence(ctx)
		if err != nil {
			return err
		}
		text = fmt.Sprintf("closed at offset %d: %s", end, refusal)
	}
	d.mu.Lock()
	d.fenced = refusal
	d.mu.Unlock()
	d.event(control.LogFenced, text)
	return nil
}

// isFenced tells whether the open log takes nothing from producers. In a cluster
// the node that led it before may have fenced it.
func (d *duty) isFenced(ctx context.Context) (bool, error) {
	if d.node.clustered() {
		return d.heldLog().Fenced(ctx)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fenced != "", nil
}
