package scrub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"geomq/geo"
	"geomq/mirror"
)

// Patches keeps the patches of one log for good.
type Patches interface {
	// Put keeps a patch in place of the one that its block may have.
	Put(ctx context.Context, p Patch) error
	// Get returns ErrNoPatch of a block that has none.
	Get(ctx context.Context, block geo.Block) (Patch, error)
	// Blocks are those that have a patch, in any order.
	Blocks(ctx context.Context) ([]geo.Block, error)
	// Drop forgets a block's patch, if it has one.
	Drop(ctx context.Context, block geo.Block) error
}

// Shelf knows which blocks of a log have patches, and serves the log with them.
// It is safe for concurrent use.
type Shelf struct {
	patches Patches

	mu     sync.Mutex
	blocks []geo.Block // ascending; not changed in place
}

// OpenShelf looks up which patches there are.
func OpenShelf(ctx context.Context, patches Patches) (*Shelf, error) {
	blocks, err := patches.Blocks(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for patches: %w", err)
	}
	blocks = slices.Clone(blocks)
	slices.Sort(blocks)
	return &Shelf{patches: patches, blocks: slices.Compact(blocks)}, nil
}

// Blocks are those that have a patch, ascending. The slice is the caller's to
// read, not to change.
func (s *Shelf) Blocks() []geo.Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blocks
}

// from is the first block from block on that has a patch.
func (s *Shelf) from(block geo.Block) (geo.Block, bool) {
	blocks := s.Blocks()
	at, _ := slices.BinarySearch(blocks, block)
	if at == len(blocks) {
		return 0, false
	}
	return blocks[at], true
}

// patch is the block's patch, nil if it has none any more.
func (s *Shelf) patch(ctx context.Context, block geo.Block) (*Patch, error) {
	p, err := s.patches.Get(ctx, block)
	switch {
	case errors.Is(err, ErrNoPatch):
		s.note(block, false)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the patch of block %d: %w", block, err)
	case p.Block != block:
		return nil, fmt.Errorf("%w: that of block %d is of block %d", ErrPatch, block, p.Block)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return &p, nil
}

func (s *Shelf) put(ctx context.Context, p Patch) error {
	if err := s.patches.Put(ctx, p); err != nil {
		return fmt.Errorf("keep the patch of block %d: %w", p.Block, err)
	}
	s.note(p.Block, true)
	return nil
}

func (s *Shelf) drop(ctx context.Context, block geo.Block) error {
	if err := s.patches.Drop(ctx, block); err != nil {
		return fmt.Errorf("drop the patch of block %d: %w", block, err)
	}
	s.note(block, false)
	return nil
}

func (s *Shelf) note(block geo.Block, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, found := slices.BinarySearch(s.blocks, block)
	switch {
	case there && !found:
		s.blocks = slices.Insert(slices.Clone(s.blocks), at, block)
	case !there && found:
		s.blocks = slices.Delete(slices.Clone(s.blocks), at, at+1)
	}
}

// Serve shows held with the patched entries in place of its own. Sources read
// that, behind mirror.Prove.
func (s *Shelf) Serve(held mirror.HeldLog) mirror.HeldLog { return servedLog{held, s} }

type servedLog struct {
	mirror.HeldLog
	shelf *Shelf
}

// Unwrap is the log without the patches.
func (l servedLog) Unwrap() mirror.HeldLog { return l.HeldLog }

// Read implements mirror.HeldLog.
func (l servedLog) Read(ctx context.Context, from geo.Offset) (mirror.Reader, error) {
	extent, err := l.Extent(ctx)
	if err != nil {
		return nil, err
	}
	r := &patchedReader{held: l.HeldLog, shelf: l.shelf}
	if r.reader, err = l.HeldLog.Read(ctx, from); err != nil {
		return nil, err
	}
	r.came, r.next = from, max(from, extent.First, 1)
	return r, nil
}
