package node

import (
	"context"
	"errors"
	"fmt"

	"geomq/admin"
	"geomq/dedupe/ledger"
	"geomq/geo"
	"geomq/mirror/verify"
)

var _ admin.Archive = backend{}

// LedgerEntries implements admin.Archive.
func (b backend) LedgerEntries(ctx context.Context, q admin.LedgerQuery) (admin.LedgerPage, error) {
	filter := ledger.Filter{Pending: q.Open, After: q.After, Limit: q.Limit}
	if q.Stream != "" {
		id, err := geo.ParseCommitLog(q.Stream)
		if err != nil {
			return admin.LedgerPage{}, fmt.Errorf("%w: %w", admin.ErrBadRequest, err)
		}
		filter.Log = id
	}
	records, err := b.node.records.ledger.List(ctx, filter)
	if errors.Is(err, ledger.ErrUnknown) {
		return admin.LedgerPage{}, fmt.Errorf("%w: %w", admin.ErrBadRequest, err)
	}
	if err != nil {
		return admin.LedgerPage{}, err
	}
	page := admin.LedgerPage{Records: []admin.LedgerRecord{}}
	for i := range records {
		page.Records = append(page.Records, b.ledgerRecord(&records[i]))
	}
	if len(records) == q.Limit {
		page.Next = records[len(records)-1].ID
	}
	return page, nil
}

// LedgerEntry implements admin.Archive.
func (b backend) LedgerEntry(ctx context.Context, id string) (admin.LedgerEntry, error) {
	record, err := b.node.records.ledger.Show(ctx, id)
	if errors.Is(err, ledger.ErrUnknown) {
		return admin.LedgerEntry{}, fmt.Errorf("%w: %w", admin.ErrNotFound, err)
	}
	if err != nil {
		return admin.LedgerEntry{}, err
	}
	return admin.LedgerEntry{LedgerRecord: b.ledgerRecord(&record), Entry: admin.ViewEntry(record.Log.Stream(), &record.Entry)}, nil
}

func (b backend) ledgerRecord(r *ledger.Record) admin.LedgerRecord {
	e := &r.Entry
	shown := admin.LedgerRecord{
		ID: r.ID, Digest: verify.FormatDigest(r.Digest), Region: b.node.cfg.Region, Log: r.Log.Stream(), Epoch: r.Epoch, Offset: e.Offset,
		Found: r.At, Reason: r.Reason, Time: e.When(), Subject: string(e.Subject), Key: r.Key(),
		Size: uint64(len(e.Subject) + len(e.Header) + len(e.Body)),
	}
	if r.Republished() {
		shown.Again = &admin.Republished{ID: r.ID, As: r.RepublishedAs, At: r.RepublishedAt}
	}
	return shown
}

// Events implements admin.Archive.
func (b backend) Events(_ context.Context, after admin.EventCursor, limit int) (admin.EventPage, error) {
	found, next, more := b.node.book.After(after, limit)
	page := admin.EventPage{Events: []admin.Event{}, Next: next, More: more}
	for _, e := range found {
		page.Events = append(page.Events, admin.Event{
			Region: e.Origin, Offset: e.Offset, Time: e.At, Node: e.Node, Kind: string(e.Kind), Key: e.Key, Log: e.Log, Text: e.Text,
		})
	}
	return page, nil
}
