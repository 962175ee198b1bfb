package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"geomq/admin"
	"geomq/geo"
)

// orders is the part of a fakeRegion that changes things. Embedded in it, it makes
// the region an admin.Operator and an admin.Archive.
type orders struct {
	mu     sync.Mutex
	took   []admin.Order
	refuse error
	// refuseLate is why it refuses after it has told of a step.
	refuseLate error
	ledger     []admin.LedgerRecord
	events     []admin.Event
}

// carryOut is what every order does: two steps, the second of which is counted.
func (o *orders) carryOut(order admin.Order, report admin.Report) (admin.Outcome, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refuse != nil {
		return admin.Outcome{}, o.refuse
	}
	if o.refuseLate != nil {
		report(admin.Step{Name: "compare", State: admin.StepPlanned})
		return admin.Outcome{}, o.refuseLate
	}
	o.took = append(o.took, order)
	state, text := admin.StepDone, "3 entries are gone"
	if order.Dry() {
		state, text = admin.StepPlanned, "3 entries would go"
	}
	report(admin.Step{Name: "record the intent", State: state, Note: "in the journal"})
	report(admin.Step{Name: "remove the entries", State: state, Done: 3, Total: 3})
	return admin.Outcome{Entries: 3, Text: text}, nil
}

// changed lists the orders that were carried out, plans left out.
func (o *orders) changed() []admin.Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.took), admin.Order.Dry)
}

func (o *orders) Purge(_ context.Context, order admin.PurgeOrder, report admin.Report) (admin.Outcome, error) {
	return o.carryOut(order, report)
}

func (o *orders) Delete(_ context.Context, order admin.DeleteOrder, report admin.Report) (admin.Outcome, error) {
	return o.carryOut(order, report)
}

func (o *orders) Repair(_ context.Context, order admin.RepairOrder, report admin.Report) (admin.Outcome, error) {
	return o.carryOut(order, report)
}

func (o *orders) AcceptGap(_ context.Context, order admin.AcceptGapOrder, report admin.Report) (admin.Outcome, error) {
	return o.carryOut(order, report)
}

// Republish gives out the offsets from 100 on and marks the records.
func (o *orders) Republish(_ context.Context, order admin.RepublishOrder, report admin.Report) (admin.Outcome, error) {
	out, err := o.carryOut(order, report)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, again := range order.Elsewhere {
		o.mark(again)
	}
	for i, id := range order.IDs {
		again := admin.Republished{ID: id, As: fmt.Sprintf("ORDERS@%s/1/%d", order.Region, 100+i), At: noon}
		out.Again = append(out.Again, again)
		if !order.DryRun {
			o.mark(again)
		}
	}
	return out, err
}

func (o *orders) mark(again admin.Republished) {
	for i := range o.ledger {
		if o.ledger[i].ID == again.ID {
			o.ledger[i].Again = &again
		}
	}
}

func (o *orders) LedgerEntries(_ context.Context, q admin.LedgerQuery) (admin.LedgerPage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var page admin.LedgerPage
	behind := q.After == ""
	for _, r := range o.ledger {
		if !behind {
			behind = r.ID == q.After
			continue
		}
		if q.Stream != "" && r.Log != q.Stream || q.Open && r.Again != nil {
			continue
		}
		if len(page.Records) == q.Limit {
			page.Next = page.Records[q.Limit-1].ID
			break
		}
		page.Records = append(page.Records, r)
	}
	return page, nil
}

func (o *orders) LedgerEntry(_ context.Context, id string) (admin.LedgerEntry, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.ledger {
		if r.ID == id {
			e := order(r.Offset)
			return admin.LedgerEntry{LedgerRecord: r, Entry: admin.ViewEntry(r.Log, &e)}, nil
		}
	}
	return admin.LedgerEntry{}, fmt.Errorf("%w: no %s", admin.ErrNotFound, id)
}

func (o *orders) Events(_ context.Context, after admin.EventCursor, limit int) (admin.EventPage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	page := admin.EventPage{Next: admin.EventCursor{}}
	for region, offset := range after {
		page.Next[region] = offset
	}
	for _, e := range o.events {
		if e.Offset > page.Next[e.Region] && len(page.Events) < limit {
			page.Events, page.Next[e.Region] = append(page.Events, e), e.Offset
		}
	}
	return page, nil
}

func (o *orders) happen(events ...admin.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, events...)
}

func lost(region geo.Region, offset geo.Offset, digest string) admin.LedgerRecord {
	return admin.LedgerRecord{
		ID: fmt.Sprintf("ORDERS@us-east/1/%d", offset), Digest: digest, Region: region, Log: "ORDERS@us-east", Epoch: 1, Offset: offset,
		Found: noon, Time: noon, Reason: "the origin lost its tail", Subject: "orders.created", Key: fmt.Sprintf("K%d", offset), Size: 70,
	}
}
