package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"geomq/dedupe/ledger"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/entry"
	"geomq/geo/opening"
	"geomq/mirror"
)

const (
	// remaking is why the tail of a log is in doubt that is being made anew: written
	// down before its stream is removed, it tells the next start that the ledger may
	// have entries that belong back into it.
	remaking = "it is being made anew from other regions, since offsets were lacking in its middle"
	// setAside is the reason of these entries.
	setAside = "offsets were lacking in the middle of the log at its origin, which was made anew from other regions; this entry was at the origin alone"
	// lostReason is that of deletions of entries that nobody has.
	lostReason = "lost: a power cut took them at the origin, and no region has them"
	// putBackBatch is how many entries are put back at once.
	putBackBatch = 64
)

// Lacking is what lacking tells, but for blocks that are patched: they are served as
// they should be.
func (l heldLog) Lacking(ctx context.Context) (geo.Ranges, error) {
	lacking, err := l.lacking(ctx)
	if err != nil || len(lacking) == 0 {
		return nil, err
	}
	blocks, err := patches{l.cluster.records.patches, l.ID()}.Blocks(ctx)
	if err != nil {
		return nil, err
	}
	var patched geo.Ranges
	for _, block := range blocks {
		patched = patched.Add(block.Range())
	}
	return without(lacking, patched), nil
}

// survey looks what the log lacks, and what was done about it before. refused says why
// nothing could be done now.
func (o *opener) survey(ctx context.Context, refused string) (opening.Event, error) {
	own, err := o.held.Extent(ctx)
	if err != nil {
		return nil, err
	}
	s := opening.Surveyed{Own: own, Refused: refused}
	if s.Lacking, err = o.held.Lacking(ctx); err != nil {
		return nil, err
	}
	if s.Lost, err = o.writtenOff(ctx); err != nil {
		return nil, err
	}
	if o.remade {
		s.Kept, err = o.keptAside(ctx, own)
	}
	return s, err
}

// writtenOff are the offsets of entries that are recorded as lost.
func (o *opener) writtenOff(ctx context.Context) (lost geo.Ranges, err error) {
	known, err := o.held.cluster.records.deletions.upTo(ctx, o.duty.id, everyDeletion)
	for i := range known {
		for at, offset := range known[i].Offsets {
			if known[i].Digests[at] == (entry.Digest{}) {
				lost = lost.Add(geo.Range{First: offset, Last: offset})
			}
		}
	}
	return lost, err
}

// keptAside are the entries of the ledger that belong behind the log's end.
func (o *opener) keptAside(ctx context.Context, own geo.Extent) (kept []opening.Kept, err error) {
	o.kept = map[geo.Offset]string{}
	epochs := map[geo.Offset]uint64{}
	err = o.duty.node.records.ledger.Each(ctx, ledger.Filter{Log: o.duty.id, Pending: true}, func(r ledger.Record) error {
		if r.Reason == setAside && r.Entry.Offset > own.Last {
			o.kept[r.Entry.Offset], epochs[r.Entry.Offset] = r.ID, r.Epoch
		}
		return nil
	})
	offsets := make([]geo.Offset, 0, len(epochs))
	for offset := range epochs {
		offsets = append(offsets, offset)
	}
	slices.Sort(offsets)
	for _, r := range runs(offsets) {
		for first := r.First; first <= r.Last; {
			k := opening.Kept{Epoch: epochs[first], Range: geo.Range{First: first, Last: first}}
			for k.Range.Last < r.Last && epochs[k.Range.Last+1] == k.Epoch {
				k.Range.Last++
			}
			kept, first = append(kept, k), k.Range.Last+1
		}
	}
	return kept, err
}

// writeOff records as deletions that nobody has these entries any more. Their numbers
// are given only where all regions have told which ones they know.
func (o *opener) writeOff(ctx context.Context, step opening.WriteOff) (opening.Event, error) {
	if err := o.doubtful(); err != nil {
		return nil, err
	}
	if _, err := o.held.Fence(ctx); err != nil {
		return nil, err
	}
	d := o.duty
	d.deleting.Lock()
	defer d.deleting.Unlock()
	if err := d.node.records.deletions.doubt(ctx, d.id); err != nil {
		return nil, err
	}
	silent, err := d.learnDeletions(ctx, o.held, d.log.Regions)
	if err != nil {
		return nil, err
	}
	for region, why := range silent {
		return o.survey(ctx, fmt.Sprintf("%s did not tell which deletions it knows (%v)", region, why))
	}
	lacking, err := o.held.Lacking(ctx) // what was learnt may explain some
	if err != nil {
		return nil, err
	}
	if offsets := both(step.Offsets, lacking); len(offsets) > 0 {
		if err := o.recordLost(ctx, offsets); err != nil {
			return nil, err
		}
	}
	return o.survey(ctx, "")
}

// recordLost gives lost entries the digest of nothing. Seals that know better would
// never be proved again, so they are dropped and made again without these entries.
func (o *opener) recordLost(ctx context.Context, lost geo.Ranges) error {
	if err := o.held.DropSeals(ctx, lost[0].First-1); err != nil {
		return err
	}
	var planned []geo.Deletion
	for _, offset := range offsetsOf(lost) {
		block := geo.BlockOf(offset)
		if len(planned) == 0 || planned[len(planned)-1].Block != block {
			planned = append(planned, geo.Deletion{Block: block})
		}
		p := &planned[len(planned)-1]
		p.Offsets, p.Digests = append(p.Offsets, offset), append(p.Digests, entry.Digest{})
	}
	d := o.duty
	if err := d.recordDeletions(ctx, o.held, planned, lostReason, func(uint64) {}); err != nil {
		return err
	}
	d.node.event(control.Record{
		Kind: control.LogDeleted, Key: fmt.Sprintf("%s/lost/%d", d.key(control.LogDeleted), lost[0].First), Log: d.id.Stream(), Offset: lost[len(lost)-1].Last,
		Text: fmt.Sprintf("%d acknowledged entries of %s, offsets %s, are nowhere: a power cut took them at the origin, and no region has them. Their loss is recorded, so links go on", lost.Len(), d.id, listed(lost)),
	})
	return nil
}

// anew removes the stream, once the regions that have its entries have said so again
// and what nobody else has is in the ledger. A removal that has begun is completed by
// the next start, whatever happens to this one.
func (o *opener) anew(ctx context.Context, step opening.Anew) (opening.Event, error) {
	o.remade = true
	if err := o.doubtful(); err != nil {
		return nil, err
	}
	if _, err := o.held.Fence(ctx); err != nil {
		return nil, err
	}
	kept := uint64(0)
	for _, r := range step.Keep {
		entries, unread, err := o.duty.node.records.keepReadable(ctx, o.held, r, setAside)
		if err != nil {
			return nil, err
		}
		if len(unread) > 0 {
			return o.survey(ctx, fmt.Sprintf("only this region has entries at offsets %s, and they can't be read", listed(unread)))
		}
		kept += uint64(len(entries))
	}
	if !o.confirmed(ctx, step) {
		return opening.Tick{Elapsed: time.Since(o.start)}, nil
	}
	d := o.duty
	d.event(control.LogRepaired, fmt.Sprintf("%s lacks offsets %s in its middle at its origin %s, and is made anew from %s; %d entries that are nowhere else are kept in the ledger until they are back",
		d.id, listed(step.Lacking), d.id.Origin, named(step.From), kept))
	if err := d.node.broker.RemoveOrigin(ctx, d.id); err != nil {
		return nil, err
	}
	if !d.makeOrigin(ctx) {
		return nil, ctx.Err()
	}
	o.held = d.heldLog()
	if _, err := o.held.Fence(ctx); err != nil {
		return nil, err
	}
	return o.survey(ctx, "")
}

// confirmed asks the regions that the log is made from once more, and tells whether
// the decision stands.
func (o *opener) confirmed(ctx context.Context, step opening.Anew) bool {
	n := o.duty.node
	for _, region := range step.From {
		ctx, cancel := context.WithTimeout(ctx, askPatience)
		standing, _, err := mirror.AskWhole(ctx, n.dialer, region, o.duty.id, n.cfg.Region)
		cancel()
		if err != nil {
			standing.Problem = err.Error()
		}
		o.machine.Step(told(region, standing))
	}
	again, is := o.machine.Decision().(opening.Anew)
	return is && slices.Equal(again.Keep, step.Keep) && slices.Equal(again.From, step.From)
}

// putBack appends entries of the ledger where they stood.
func (o *opener) putBack(ctx context.Context, step opening.PutBack) (opening.Event, error) {
	if err := o.doubtful(); err != nil {
		return nil, err
	}
	last, err := o.held.Fence(ctx)
	if err != nil {
		return nil, err
	}
	if step.Table != nil {
		if err := o.setEpochs(ctx, step.Table); err != nil {
			return nil, err
		}
	}
	if err := o.skipTo(ctx, last, step.Range.First-1); err != nil {
		return nil, err
	}
	if err := o.held.BeginRestore(ctx, step.Range.Last); err != nil {
		return nil, err
	}
	ids, failed := o.appendKept(ctx, step.Range.First-1, step.Range)
	if err := o.held.EndRestore(ctx); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	if err := o.held.Flush(ctx); err != nil {
		return nil, err
	}
	own, err := o.held.Extent(ctx)
	for i, id := range ids {
		if offset := step.Range.First + geo.Offset(i); err == nil && offset <= own.Last {
			as := fmt.Sprintf("%s/%d/%d", o.duty.id.Stream(), own.Epochs.At(offset), offset)
			err = o.duty.node.records.ledger.MarkRepublished(ctx, id, as, time.Now())
		}
	}
	return opening.Returned{Own: own}, err
}

// appendKept returns the records that it has appended. It returns when the broker has
// them.
func (o *opener) appendKept(ctx context.Context, last geo.Offset, r geo.Range) (ids []string, err error) {
	appender, err := o.held.Append(ctx, last, func(geo.Offset) {})
	if err != nil {
		return nil, err
	}
	defer appender.Close()
	var some []entry.Entry
	for offset := r.First; offset <= r.Last; offset++ {
		record, err := o.duty.node.records.ledger.Show(ctx, o.kept[offset])
		if err != nil {
			return nil, err
		}
		ids, some = append(ids, record.ID), append(some, record.Entry)
		if offset < r.Last && len(some) < putBackBatch {
			continue
		}
		if err := appender.Append(ctx, some, offset < r.Last); err != nil {
			return nil, err
		}
		some = some[:0:0]
	}
	return ids, appender.Skip(ctx, r.Last) // nothing to skip: it waits
}

// pullPast pulls past offsets that are written off: holders need not know that yet.
func (o *opener) pullPast(ctx context.Context, step opening.PullBack) (*opening.PullFailed, error) {
	lost, err := o.writtenOff(ctx)
	if err != nil {
		return nil, err
	}
	if len(lost) == 0 {
		return o.pull(ctx, step), nil
	}
	if err := o.held.SetGaps(ctx, lost); err != nil {
		return nil, err
	}
	failed := o.pull(ctx, step)
	return failed, o.held.SetGaps(ctx, nil)
}

// leave tells what the opening leaves undone. The next start takes the log for
// doubtful and tries again.
func (o *opener) leave() error {
	lacking, why := o.machine.Left()
	if why == "" || len(lacking) == 0 {
		return nil
	}
	d := o.duty
	text := fmt.Sprintf("offsets %s of %s are lacking %s", listed(lacking[:min(len(lacking), 5)]), d.id, why)
	d.logger.Error("holes are left in the log", "offsets", listed(lacking), "why", why)
	d.tail.leave(text)
	return d.node.tails.mark.Doubt(d.id.Stream(), "offsets were lacking in its middle when it was opened last")
}

func (t *tail) leave(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left = text
}

// undone is what the opening has left undone, for people.
func (t *tail) undone() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.left
}
