package mirror

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"geomq/geo"
	"geomq/geo/entry"
)

// maxSums is how many finished blocks wait for their seals at most; the seals
// of others are checked by reading the block again.
const maxSums = 1 << 14

// blockSums collects the digests of entries that pass by in order and keeps the
// sum of each block that passed whole. It is safe for concurrent use.
type blockSums struct {
	mu      sync.Mutex
	block   geo.Block
	digests []entry.Digest // of the block's first offsets; nil if some were missed
	done    map[geo.Block]entry.Digest
}

// add takes the digest of the entry at offset.
func (b *blockSums) add(offset geo.Offset, digest entry.Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.push(offset, digest)
}

// hole takes note that the offsets of r, which lie between two epochs, hold no
// entries. Only the blocks that r begins and ends in can have seals.
func (b *blockSums) hole(r geo.Range) {
	if r.Len() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	first, last := geo.BlockOf(r.First), geo.BlockOf(r.Last)
	b.pushHoles(r.Intersect(first.Range()), first)
	if last != first {
		b.pushHoles(r.Intersect(last.Range()), last)
	}
}

func (b *blockSums) pushHoles(r geo.Range, block geo.Block) {
	if r == block.Range() {
		b.digests = nil // never sealed
		return
	}
	for o := r.First; o <= r.Last; o++ {
		b.push(o, entry.Digest{})
	}
}

func (b *blockSums) push(offset geo.Offset, digest entry.Digest) {
	block := geo.BlockOf(offset)
	r := block.Range()
	if offset == r.First {
		b.block, b.digests = block, b.digests[:0]
		if b.digests == nil {
			b.digests = make([]entry.Digest, 0, geo.BlockSize)
		}
	}
	if b.digests == nil || b.block != block || offset != r.First+geo.Offset(len(b.digests)) {
		b.digests = nil
		return
	}
	if b.digests = append(b.digests, digest); offset == r.Last {
		if b.done == nil || len(b.done) >= maxSums {
			b.done = make(map[geo.Block]entry.Digest)
		}
		b.done[block] = entry.Combine(b.digests)
	}
}

// take returns the sum of a block and forgets it.
func (b *blockSums) take(block geo.Block) (sum entry.Digest, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum, ok = b.done[block]
	delete(b.done, block)
	return sum, ok
}

// blockCheck says which holder's blocks are compared with their seals.
type blockCheck struct {
	Log  geo.CommitLog
	At   geo.Region
	Held HeldLog
	// Gaps are what an operator has given up, for this replica or for the one that
	// is to be filled from it.
	Gaps geo.Ranges
}

// check reads one block, which the log has reached the end of, and compares it
// with its seal: nil if they agree, a *BlockError if not, errUnprovable for a
// block that isn't kept whole here, any other error where that can't be found
// out now.
func (c blockCheck) check(ctx context.Context, seal geo.Seal) error {
	if len(c.Gaps.Intersect(seal.Block.Range())) > 0 {
		return errUnprovable
	}
	s, err := openScan(ctx, c.Held, seal.Block.Range().First)
	if err != nil {
		return fmt.Errorf("read block %d of %s: %w", seal.Block, c.Log, err)
	}
	defer s.close()
	var d BlockDigests
	d.Begin(seal.Block)
	_, late := s.fill(ctx, &d, lastDue(seal))
	if late != nil && !errors.Is(late, errLate) {
		return c.unreadable(seal.Block, late)
	}
	return c.judge(ctx, &d, seal, &deletionIndex{held: c.Held}, late)
}

// unreadable is what err, met while reading block, says about the block.
func (c blockCheck) unreadable(block geo.Block, err error) error {
	if errors.Is(err, entry.ErrStored) {
		return &BlockError{Log: c.Log, Block: block, At: c.At, Kind: Damaged, Err: err}
	}
	return fmt.Errorf("read block %d of %s: %w", block, c.Log, err)
}

// judge compares the digests of a block that has been read with its seal; late
// is why reading ended before the block's end, if it did. It fills in the digests
// of deleted entries.
func (c blockCheck) judge(ctx context.Context, d *BlockDigests, seal geo.Seal, deleted *deletionIndex, late error) error {
	missing, err := deleted.fill(ctx, d, d.unseen(seal.Absent))
	if err != nil {
		return err
	}
	if len(missing) == 0 && d.sum() == entry.Digest(seal.Digest) {
		return nil
	}
	// Retention may have cut into the block before it was read.
	extent, err := c.Held.Extent(ctx)
	if err != nil {
		return fmt.Errorf("ask where %s begins: %w", c.Log, err)
	}
	switch {
	case extent.First > seal.Block.Range().First:
		return errUnprovable
	case len(missing) == 0:
		return &BlockError{Log: c.Log, Block: seal.Block, At: c.At, Kind: Damaged}
	case c.givenUp(missing):
		return errUnprovable
	case late != nil:
		return fmt.Errorf("offset %d of %s in %s: %w", missing[0].First, c.Log, c.At, late)
	}
	return &BlockError{Log: c.Log, Block: seal.Block, At: c.At, Kind: Lacking, Missing: missing}
}

func (c blockCheck) givenUp(missing geo.Ranges) bool {
	for _, r := range missing {
		if !c.Gaps.Covers(r) {
			return false
		}
	}
	return true
}
