package node

import (
	"context"
	"fmt"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/opening"
)

// showOpening keeps what the opening is about for the admin API.
func (d *duty) showOpening(decision opening.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	shown := admin.Opening{Text: decision.String(), Since: time.Now()}
	if d.opening != nil && d.opening.Text == shown.Text {
		shown.Since = d.opening.Since
	}
	switch step := decision.(type) {
	case opening.Wait:
		shown.State, shown.Silent = "asking", step.For
		if step.Until > askWait {
			shown.State, shown.Until = "waiting", d.began.Add(step.Until)
		}
	case opening.PullBack:
		shown.State, shown.From, shown.Through = "pulling", step.From[0], step.Through
	case opening.Anew:
		shown.State, shown.From = "pulling", step.From[0]
	case opening.PutBack:
		shown.State, shown.Through = "pulling", step.Range.Last
	case opening.NewEpoch, opening.Finish, opening.WriteOff:
		shown.State = "skipping"
	case opening.Open:
		return
	}
	d.opening = &shown
}

// showPulled says how far a pull is.
func (d *duty) showPulled(from geo.Region, applied geo.Offset) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opening == nil {
		return
	}
	shown := *d.opening
	shown.From, shown.Pulled = from, applied
	d.opening = &shown
}

// letIn gives the log to producers, unless the node's disk is full.
func (d *duty) letIn(ctx context.Context, held heldLog) error {
	if err := held.eraseDeleted(ctx); err != nil {
		return err
	}
	if why := d.node.disk.refusal(); why != "" {
		if _, err := held.Fence(ctx); err != nil {
			return err
		}
		d.settled(held, why)
		return nil
	}
	if err := d.unfence(ctx, held); err != nil {
		return err
	}
	d.settled(held, "")
	return nil
}

// unfence gives the log to producers.
func (d *duty) unfence(ctx context.Context, held heldLog) error {
	fenced, err := held.Fenced(ctx)
	if err == nil && fenced {
		err = held.Unfence(ctx, d.log.Topics)
	}
	if err == nil {
		d.node.broker.Admit(d.log.Topics)
	}
	return err
}

// eraseDeleted removes entries whose deletion was recorded before a crash kept
// them from being removed.
func (l heldLog) eraseDeleted(ctx context.Context) error {
	known, err := l.cluster.records.deletions.upTo(ctx, l.ID(), everyDeletion)
	if err != nil || len(known) == 0 {
		return err
	}
	extent, err := l.Extent(ctx)
	if err != nil {
		return err
	}
	missing, err := l.Missing(ctx, extent.Range())
	if err != nil {
		return err
	}
	var left []geo.Offset
	for _, d := range known {
		for _, o := range d.Offsets {
			if extent.Range().Contains(o) && !missing.Contains(o) {
				left = append(left, o)
			}
		}
	}
	if err := l.DeleteEntries(ctx, left); err != nil {
		return fmt.Errorf("remove what was deleted: %w", err)
	}
	return nil
}

// keepFenced opens a control log: nobody but this node writes it.
func (d *duty) keepFenced(ctx context.Context, held heldLog) error {
	if _, err := held.Fence(ctx); err != nil {
		return err
	}
	if err := held.BeginRestore(ctx, everything); err != nil {
		return err
	}
	d.settled(held, "")
	return nil
}

// everything is an offset behind all that a control log will ever have.
const everything = geo.Offset(1) << 62
