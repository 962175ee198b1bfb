package mirror

import (
	"context"
	"errors"
	"fmt"

	"geomq/geo"
)

// sealRun reads and seals the blocks of r, which begins and ends with a block.
func (s *Sealer) sealRun(ctx context.Context, r geo.Range, skipped geo.Ranges) error {
	read, err := openScan(ctx, s.Log, r.First)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.ID, err)
	}
	defer read.close()
	var d BlockDigests
	deleted := &deletionIndex{held: s.Log}
	for block := geo.BlockOf(r.First); block < geo.Block(r.Last/geo.BlockSize); block = unskipped(skipped, block+1) {
		d.Begin(block)
		if err := s.sealBlock(ctx, read, &d, skipped.Intersect(block.Range()), deleted); err != nil {
			return err
		}
	}
	return nil
}

// sealBlock reads d's block and seals it. An offset that the epochs skip is
// absent. An entry that was deleted counts as it was, so that the seal is the
// same whether it is written before or after the deletion.
func (s *Sealer) sealBlock(ctx context.Context, read *scan, d *BlockDigests, skipped geo.Ranges, deleted *deletionIndex) error {
	seal := geo.Seal{Block: d.block, Absent: offsetsOf(skipped)}
	_, late := read.fill(ctx, d, lastDue(seal))
	if late != nil && !errors.Is(late, errLate) {
		return fmt.Errorf("seal block %d of %s: %w", d.block, s.ID, late)
	}
	for _, o := range seal.Absent {
		if _, ok := d.At(o); ok {
			return fmt.Errorf("offset %d of %s holds an entry though it lies between two epochs: compare its holders with `geomq verify %s`", o, s.ID, s.ID)
		}
	}
	missing, err := deleted.fill(ctx, d, d.unseen(seal.Absent))
	switch {
	case err != nil:
		return fmt.Errorf("seal block %d of %s: %w", d.block, s.ID, err)
	case len(missing) > 0 && late != nil:
		return fmt.Errorf("read %s at %d: %w", s.ID, missing[0].First, late)
	case len(missing) > 0:
		return &GapError{Log: s.ID, Missing: missing[0], At: s.ID.Origin}
	}
	seal.Digest = [16]byte(d.sum())
	if err := s.Log.PutSeal(ctx, seal); err != nil {
		return fmt.Errorf("seal block %d of %s: %w", d.block, s.ID, err)
	}
	return nil
}

// offsetsOf lists the offsets of ranges that lie in one block.
func offsetsOf(ranges geo.Ranges) (offsets []geo.Offset) {
	for _, r := range ranges {
		for o := r.First; o <= r.Last; o++ {
			offsets = append(offsets, o)
		}
	}
	return offsets
}
