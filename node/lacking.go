package node

import (
	"context"

	"geomq/geo"
)

// lacking are the offsets between the log's first and last one that hold no entry
// here though nothing explains it: no epoch skips them, no recorded deletion names
// them, and no operator gave them up. A power cut leaves such a hole where the file
// of an older block was not on the disk yet and that of a newer one was. It says
// nothing of a control log, whose records replace each other.
func (l heldLog) lacking(ctx context.Context) (geo.Ranges, error) {
	if l.ID().Control() {
		return nil, nil
	}
	extent, err := l.Extent(ctx)
	if err != nil {
		return nil, err
	}
	missing, err := l.Missing(ctx, extent.Range())
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	explained, err := l.explained(ctx, extent.Epochs)
	if err != nil {
		return nil, err
	}
	return without(missing, explained), nil
}

// explained are the offsets of which is known why they hold no entry.
func (l heldLog) explained(ctx context.Context, epochs geo.Epochs) (geo.Ranges, error) {
	gaps, err := l.Gaps(ctx)
	if err != nil {
		return nil, err
	}
	deletions, err := l.cluster.records.deletions.upTo(ctx, l.ID(), everyDeletion)
	if err != nil {
		return nil, err
	}
	explained := epochs.Skipped()
	for _, r := range gaps {
		explained = explained.Add(r)
	}
	for _, d := range deletions {
		for _, r := range runs(d.Offsets) {
			explained = explained.Add(r)
		}
	}
	return explained, nil
}
