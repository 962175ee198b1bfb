package node

import (
	"fmt"
	"slices"
	"time"

	"geomq/geo"
	"geomq/geo/control"
)

// farewell bounds how long a node that stops writes that it does.
const farewell = 2 * time.Second

// tellStarted records that the node runs, and how the run before it ended.
func (n *Node) tellStarted() {
	n.event(control.Record{
		Kind: control.NodeStarted, Key: string(control.NodeStarted) + "/" + n.cfg.Node,
		Text: fmt.Sprintf("node %s is started, version %s%s", n.cfg.Node, n.opts.Version, n.lastRun()),
	})
}

// lastRun says what was not in order about the run before, or nothing.
func (n *Node) lastRun() string {
	switch p := n.tails.mark.Previous(); {
	case p.Missing:
		return ", in a new data folder"
	case p.Restored:
		return ", in a data folder that is a copy"
	case p.Clean:
		return ""
	case p.SameBoot:
		return "; it was not stopped before: its process died"
	}
	return "; it was not stopped before: its machine went down"
}

// tellStopped records that the node is being stopped. It waits until that is written,
// a little: a control log that is not open has nobody who writes it.
func (n *Node) tellStopped() {
	at := slices.IndexFunc(n.duties, func(d *duty) bool { return d.isOrigin() && d.id.Control() })
	if at < 0 || !n.duties[at].opened() {
		return
	}
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-n.event(control.Record{
		Kind: control.NodeStopped, Key: string(control.NodeStopped) + "/" + n.cfg.Node,
		Text: fmt.Sprintf("node %s is stopped", n.cfg.Node),
	}):
	case <-timer.C:
	}
}

// tellLedger records that entries are part of no log any more.
func (n *Node) tellLedger(log geo.CommitLog, r geo.Range, entries int, reason string) {
	n.event(control.Record{
		Kind: control.LedgerAdded, Key: fmt.Sprintf("%s/%s/%s/%d", control.LedgerAdded, log.Stream(), n.cfg.Region, r.First), Log: log.Stream(),
		Text: fmt.Sprintf("%d entries of %s (offsets %s) are in the ledger of %s: %s", entries, log, r, n.cfg.Region, reason),
	})
}

// tellGoesOn records that a link is well again, in place of the record that it was
// halted: in this run, or in an earlier one. It is false while that is not known.
func (d *duty) tellGoesOn(halted bool) (told bool) {
	key := d.key(control.LinkHalted)
	last, known := d.node.control.last(key)
	if halted || known && last.Kind == control.LinkHalted {
		d.node.event(control.Record{
			Kind: control.LinkStreaming, Key: key, Log: d.id.Stream(),
			Text: fmt.Sprintf("the link of %s into %s goes on", d.id, d.node.cfg.Region),
		})
	}
	return halted || known
}
