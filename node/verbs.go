package node

import (
	"context"
	"fmt"

	"geomq/admin"
)

var (
	_ admin.Archive  = backend{}
	_ admin.Operator = backend{}
)

// notReady says that this node can't do verb.
func (b backend) notReady(verb string) error {
	return fmt.Errorf("%w: region %s can't do %q yet", admin.ErrNotReady, b.node.cfg.Region, verb)
}

// LedgerEntries implements admin.Archive.
func (b backend) LedgerEntries(context.Context, admin.LedgerQuery) (admin.LedgerPage, error) {
	return admin.LedgerPage{}, b.notReady("ledger ls")
}

// LedgerEntry implements admin.Archive.
func (b backend) LedgerEntry(context.Context, string) (admin.LedgerEntry, error) {
	return admin.LedgerEntry{}, b.notReady("ledger show")
}

// Events implements admin.Archive.
func (b backend) Events(context.Context, admin.EventCursor, int) (admin.EventPage, error) {
	return admin.EventPage{}, b.notReady("events")
}

// Purge implements admin.Operator.
func (b backend) Purge(_ context.Context, order admin.PurgeOrder, _ admin.Report) (admin.Outcome, error) {
	return admin.Outcome{}, b.notReady(order.Verb())
}

// Delete implements admin.Operator.
func (b backend) Delete(_ context.Context, order admin.DeleteOrder, _ admin.Report) (admin.Outcome, error) {
	return admin.Outcome{}, b.notReady(order.Verb())
}

// Repair implements admin.Operator.
func (b backend) Repair(_ context.Context, order admin.RepairOrder, _ admin.Report) (admin.Outcome, error) {
	return admin.Outcome{}, b.notReady(order.Verb())
}

// AcceptGap implements admin.Operator.
func (b backend) AcceptGap(_ context.Context, order admin.AcceptGapOrder, _ admin.Report) (admin.Outcome, error) {
	return admin.Outcome{}, b.notReady(order.Verb())
}

// Republish implements admin.Operator.
func (b backend) Republish(_ context.Context, order admin.RepublishOrder, _ admin.Report) (admin.Outcome, error) {
	return admin.Outcome{}, b.notReady(order.Verb())
}
