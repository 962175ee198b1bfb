package node

import (
	"context"
	"fmt"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/entry"
)

// Purge implements admin.Operator. What lies at the log's front is trimmed, and
// replicas follow; what a subject names is deleted.
func (b backend) Purge(ctx context.Context, order admin.PurgeOrder, report admin.Report) (admin.Outcome, error) {
	d, err := b.own(order.Log)
	if err != nil {
		return admin.Outcome{}, err
	}
	held := d.heldLog()
	extent, err := held.Extent(ctx)
	if err != nil {
		return admin.Outcome{}, err
	}
	if order.Subject != "" {
		topic, err := geo.ParseTopic(order.Subject)
		if err != nil {
			return admin.Outcome{}, fmt.Errorf("%w: %w", admin.ErrBadRequest, err)
		}
		return d.erase(ctx, steps{report, order.DryRun}, order.Reason, geo.Ranges{extent.Range()}, func(e *entry.Entry) bool {
			return topic.Matches(string(e.Subject))
		})
	}
	there, err := held.present(ctx, extent.Range())
	if err != nil {
		return admin.Outcome{}, err
	}
	first := order.Before
	if order.Keep != nil {
		first = newest(there, *order.Keep, extent)
	}
	if first > extent.Last+1 {
		return admin.Outcome{}, fmt.Errorf("%w: %s ends at %d in %s; offset %d is not there yet", admin.ErrRefused, order.Log, extent.Last, d.id.Origin, first)
	}
	gone := geo.Range{First: extent.First, Last: first - 1}
	return d.trim(ctx, steps{report, order.DryRun}, order.Reason, gone, there.Intersect(gone).Len())
}

// newest is the offset at which the newest n entries begin, holes not counted.
func newest(there geo.Ranges, n uint64, extent geo.Extent) geo.Offset {
	first := extent.Last + 1
	for i := len(there) - 1; i >= 0 && n > 0; i-- {
		take := min(n, there[i].Len())
		first, n = there[i].Last+1-geo.Offset(take), n-take
	}
	if n > 0 {
		return extent.First
	}
	return first
}

// trim removes what lies at the log's front: so many entries at these offsets.
func (d *duty) trim(ctx context.Context, s steps, reason string, gone geo.Range, count uint64) (admin.Outcome, error) {
	first := gone.Last + 1
	outcome := admin.Outcome{Entries: count}
	outcome.Text = fmt.Sprintf("%s begins at offset %d; its replicas follow within a heartbeat", d.id, first)
	if s.dry {
		outcome.Text = fmt.Sprintf("%s would begin at offset %d", d.id, first)
	}
	if gone.Len() == 0 {
		outcome.Text = fmt.Sprintf("nothing of %s lies before offset %d", d.id, first)
	}
	err := s.do(ctx, "remove the oldest entries", count, fmt.Sprintf("offsets %s", gone), func(ctx context.Context, _ func(uint64)) error {
		if gone.Len() == 0 {
			return nil
		}
		d.node.event(control.Record{
			Kind: control.LogDeleted, Key: fmt.Sprintf("%s/before/%d", d.key(control.LogDeleted), first), Log: d.id.Stream(), Offset: gone.Last,
			Text: fmt.Sprintf("all before offset %d of %s is purged%s", first, d.id, because(reason)),
		})
		return d.heldLog().Trim(ctx, first)
	})
	return outcome, err
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// Delete implements admin.Operator.
func (b backend) Delete(ctx context.Context, order admin.DeleteOrder, report admin.Report) (admin.Outcome, error) {
	d, err := b.own(order.Log)
	if err != nil {
		return admin.Outcome{}, err
	}
	return d.erase(ctx, steps{report, order.DryRun}, order.Reason, order.Offsets, nil)
}

// unread says why not all of ranges can be deleted: an entry is recorded with its
// digest, so one that can't be read here would stay in other regions.
func (d *duty) unread(ctx context.Context, held heldLog, ranges geo.Ranges, planned []geo.Deletion) error {
	extent, err := held.Extent(ctx)
	if err != nil {
		return err
	}
	known, err := held.explained(ctx, extent.Epochs)
	if err != nil {
		return err
	}
	if extent.First > 1 {
		known = known.Add(geo.Range{First: 1, Last: extent.First - 1})
	}
	for _, p := range planned {
		for _, r := range runs(p.Offsets) {
			known = known.Add(r)
		}
	}
	if ranges[0].First > extent.Last {
		return fmt.Errorf("%w: %s ends at %d in %s; offset %d is not there yet", admin.ErrRefused, d.id, extent.Last, d.id.Origin, ranges[0].First)
	}
	left := without(ranges.Intersect(geo.Range{First: 1, Last: extent.Last}), known)
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%w: offsets %s of %s hold no entry that can be read in %s, and other regions would keep theirs: mend the log first (docs/operating.md, damaged or lacking entries), then delete",
		admin.ErrRefused, someListed(left), d.id, d.id.Origin)
}

// erase deletes the entries in ranges that are meant, all where meant is nil: their
// deletion is recorded first, block by block, so that every holder learns why they
// are missing.
func (d *duty) erase(ctx context.Context, s steps, reason string, ranges geo.Ranges, meant func(*entry.Entry) bool) (admin.Outcome, error) {
	if !d.deleting.TryLock() {
		return admin.Outcome{}, fmt.Errorf("%w: another order deletes from %s just now", admin.ErrRefused, d.id)
	}
	defer d.deleting.Unlock()
	held := d.heldLog()
	if err := d.allDeletionsKnown(ctx, held); err != nil {
		return admin.Outcome{}, err
	}
	if !s.dry {
		// What an order before recorded, and was kept from removing.
		if err := held.eraseDeleted(ctx); err != nil {
			return admin.Outcome{}, err
		}
	}
	planned, count, err := plannedDeletions(ctx, held, ranges, meant)
	if err == nil && meant == nil {
		err = d.unread(ctx, held, ranges, planned)
	}
	if err != nil {
		return admin.Outcome{}, err
	}
	outcome := admin.Outcome{Entries: count, Text: fmt.Sprintf("%d entries of %s are deleted; its replicas follow within a heartbeat", count, d.id)}
	if s.dry {
		outcome.Text = fmt.Sprintf("%d entries of %s would be deleted", count, d.id)
	}
	err = s.do(ctx, "record the deletions", uint64(len(planned)), "", func(ctx context.Context, done func(uint64)) error {
		return d.recordDeletions(ctx, held, planned, reason, done)
	})
	if err != nil || count == 0 {
		return outcome, err
	}
	return outcome, s.do(ctx, "remove the entries", count, "", func(ctx context.Context, done func(uint64)) error {
		// Replicas remove them whatever becomes of who gave the order.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), erasePatience)
		defer cancel()
		return d.removeDeleted(ctx, held, planned, reason, done)
	})
}

// erasePatience bounds the removing of entries whose deletion is recorded. What it
// leaves is removed by the next order, or when the log is opened.
const erasePatience = 10 * time.Minute

// recordDeletions gives planned their numbers.
func (d *duty) recordDeletions(ctx context.Context, held heldLog, planned []geo.Deletion, reason string, done func(uint64)) error {
	known, err := held.cluster.records.deletions.upTo(ctx, d.id, everyDeletion)
	if err != nil {
		return err
	}
	now := time.Now().UnixNano()
	for i := range planned {
		planned[i].Number, planned[i].At, planned[i].Reason = uint64(len(known)+i)+1, now, reason
		if err := held.cluster.records.deletions.record(ctx, d.id, planned[i]); err != nil {
			return err
		}
		done(uint64(i) + 1)
	}
	return nil
}

func (d *duty) removeDeleted(ctx context.Context, held heldLog, planned []geo.Deletion, reason string, done func(uint64)) error {
	removed := uint64(0)
	for _, p := range planned {
		if err := held.DeleteEntries(ctx, p.Offsets); err != nil {
			return err
		}
		removed += uint64(len(p.Offsets))
		done(removed)
	}
	d.node.event(control.Record{
		Kind: control.LogDeleted, Key: fmt.Sprintf("%s/%d", d.key(control.LogDeleted), planned[0].Number), Log: d.id.Stream(),
		Text: fmt.Sprintf("%d entries of %s are deleted%s", removed, d.id, because(reason)),
	})
	return nil
}

// plannedDeletions finds the entries that are meant; their numbers are not set.
func plannedDeletions(ctx context.Context, held heldLog, ranges geo.Ranges, meant func(*entry.Entry) bool) (planned []geo.Deletion, count uint64, err error) {
	for _, r := range ranges {
		err := digests(ctx, held, r, func(e *entry.Entry, digest entry.Digest) error {
			if meant != nil && !meant(e) {
				return nil
			}
			block := geo.BlockOf(e.Offset)
			if len(planned) == 0 || planned[len(planned)-1].Block != block {
				planned = append(planned, geo.Deletion{Block: block})
			}
			p := &planned[len(planned)-1]
			p.Offsets, p.Digests = append(p.Offsets, e.Offset), append(p.Digests, digest)
			count++
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return planned, count, nil
}
