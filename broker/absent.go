package broker

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

const (
	// mostListed is how many absent offsets the server is asked to list: each
	// takes some eight bytes of an answer that has to fit into one message.
	mostListed = 2_000_000
	scanWindow = 8 << 20
)

// DeleteEntries removes single entries; the offsets stay taken. What is not
// there, or no more, is passed over, so it may be repeated. Whether and why they
// may go is recorded before, by the caller.
func (l *CommitLog) DeleteEntries(ctx context.Context, offsets []geo.Offset) error {
	have, err := l.Extent(ctx)
	if err != nil {
		return err
	}
	for _, offset := range offsets {
		if !have.Range().Contains(offset) {
			continue
		}
		if err := l.deleteEntry(ctx, offset); err != nil {
			return fmt.Errorf("delete entry %d of %s: %w", offset, l.id, err)
		}
	}
	return nil
}

// deleteEntry looks again where the server refuses: it has several words for an
// entry that is not there.
func (l *CommitLog) deleteEntry(ctx context.Context, offset geo.Offset) error {
	request := server.JSApiMsgDeleteRequest{Seq: uint64(offset), NoErase: true}
	err := l.broker.api.call(ctx, "STREAM.MSG.DELETE."+l.id.Stream(), request, nil)
	if err == nil {
		return nil
	}
	look := server.JSApiMsgGetRequest{Seq: uint64(offset)}
	if hasCode(l.broker.api.read(ctx, "STREAM.MSG.GET."+l.id.Stream(), look, nil), codeNoMessage) {
		return nil
	}
	return err
}

// Missing returns the offsets of r, between the log's first and last one, that
// hold no entry here.
func (l *CommitLog) Missing(ctx context.Context, r geo.Range) (geo.Ranges, error) {
	info, err := l.broker.info(ctx, l.id)
	if err != nil {
		return nil, err
	}
	r = r.Intersect(extent(info).Range())
	var missing geo.Ranges
	switch {
	case info.State.NumDeleted == 0 || r.Len() == 0:
		return nil, nil
	case info.State.NumDeleted > mostListed:
		missing, err = l.scanMissing(ctx, r)
	default:
		missing, err = l.listMissing(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("find what is missing of %s in %v: %w", l.id, r, err)
	}
	return missing, nil
}

// listMissing asks for every absent offset of the stream.
func (l *CommitLog) listMissing(ctx context.Context, r geo.Range) (geo.Ranges, error) {
	var response server.JSApiStreamInfoResponse
	request := server.JSApiStreamInfoRequest{DeletedDetails: true}
	if err := l.broker.api.call(ctx, "STREAM.INFO."+l.id.Stream(), request, &response); err != nil {
		return nil, err
	}
	absent := response.State.Deleted
	slices.Sort(absent)
	var missing geo.Ranges
	for _, sequence := range absent {
		offset := geo.Offset(sequence)
		switch n := len(missing); {
		case !r.Contains(offset):
		case n > 0 && missing[n-1].Last+1 == offset:
			missing[n-1].Last = offset
		default:
			missing = append(missing, geo.Range{First: offset, Last: offset})
		}
	}
	return missing, nil
}

// scanMissing reads what is there.
func (l *CommitLog) scanMissing(ctx context.Context, r geo.Range) (geo.Ranges, error) {
	reader, err := l.Read(ctx, r.First, scanWindow)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var missing geo.Ranges
	next := r.First
	for next <= r.Last {
		// Asked before: what arrives later is then among what TryNext returns.
		pending := reader.Pending()
		entries, err := reader.TryNext()
		if len(entries) == 0 && err == nil && pending > 0 {
			entries, err = reader.Next(ctx)
		}
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			break
		}
		for i := range entries {
			missing = missing.Add(geo.Range{First: next, Last: min(entries[i].Offset-1, r.Last)})
			next = entries[i].Offset + 1
		}
	}
	return missing.Add(geo.Range{First: next, Last: r.Last}), nil
}
