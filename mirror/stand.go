package mirror

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"geomq/geo"
	"geomq/geo/entry"
)

// deletionsAtOnce is how many deletions HeldLog.Deletions returns at most.
const deletionsAtOnce = 256

// standOf finds out where the replica of id stands.
func standOf(ctx context.Context, id geo.CommitLog, replica Replica) (Stand, error) {
	extent, err := replica.Extent(ctx)
	if err != nil {
		return Stand{}, err
	}
	stand := Stand{Exists: true, Last: extent.Last, Epochs: extent.Epochs}
	unsealed, err := replica.Unsealed(ctx)
	if err != nil {
		return stand, err
	}
	whole := geo.Block(extent.Last / geo.BlockSize)
	stand.Unsealed = max(min(unsealed, whole), geo.BlockOf(max(extent.First, 1)))
	if stand.Gaps, err = replica.Gaps(ctx); err != nil {
		return stand, err
	}
	known := holes{compacted: id.Control(), skipped: extent.Epochs.Skipped(), gaps: stand.Gaps}
	var last *geo.Deletion
	err = eachDeletion(ctx, replica, 0, func(d *geo.Deletion) {
		known.add(d)
		last = d
		stand.Deletions = d.Number
	})
	if err != nil {
		return stand, err
	}
	if last != nil {
		stand.DeletionSum = deletionSum(last)
	}
	stand.Deleted = known.deleted
	stand.Surplus = unsealed > whole || !known.compacted && extent.Entries+known.count(extent.Range()) > extent.Range().Len()
	if extent.Entries > 0 {
		stand.Digest, err = known.digestAt(ctx, replica, extent.Last)
	}
	return stand, err
}

// eachDeletion calls each with the deletions of log whose numbers are above after.
func eachDeletion(ctx context.Context, log HeldLog, after uint64, each func(*geo.Deletion)) error {
	for {
		some, err := log.Deletions(ctx, after)
		if err != nil {
			return fmt.Errorf("read the deletions behind number %d: %w", after, err)
		}
		for i := range some {
			if some[i].Number <= after {
				return fmt.Errorf("%w: number %d came behind number %d", geo.ErrDeletion, some[i].Number, after)
			}
			after = some[i].Number
			each(&some[i])
		}
		if len(some) < deletionsAtOnce {
			return nil
		}
	}
}

// deletionSum tells one deletion from another one with the same number. The reason
// does not count: links cut it short.
func deletionSum(d *geo.Deletion) *entry.Digest {
	bare := *d
	bare.Reason = ""
	sum := sha256.Sum256(Encode(nil, &DeletionNote{Deletion: bare}))
	digest := entry.Digest(sum[:len(entry.Digest{})])
	return &digest
}

// digestAt is the digest of the entry at offset, nil where there is none. Of a
// known hole no entry is awaited: nothing may ever follow it. Others are awaited
// for a moment: a log may end with an entry that is gone while its deletion, or
// the epoch behind it, has yet to be recorded.
func (h *holes) digestAt(ctx context.Context, log HeldLog, offset geo.Offset) (*entry.Digest, error) {
	if !h.compacted && h.covers(geo.Range{First: offset, Last: offset}) {
		return nil, nil
	}
	soon, cancel := context.WithTimeout(ctx, lookPatience/2)
	defer cancel()
	digest, err := digestAt(soon, log, offset)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, nil
	}
	return digest, err
}
