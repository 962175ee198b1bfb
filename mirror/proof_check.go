package mirror

import (
	"context"
	"errors"

	"geomq/geo"
	"geomq/geo/entry"
)

// BlockReader reads sealed blocks of a log one behind the other and compares
// them with their seals. It is used by one goroutine.
type BlockReader struct {
	check   blockCheck
	scan    scan
	deleted deletionIndex
}

// NewBlockReader returns a BlockReader; it opens the log with the first Check.
func NewBlockReader(cfg ProveConfig) *BlockReader {
	return &BlockReader{
		check:   blockCheck(cfg),
		scan:    scan{held: cfg.Held},
		deleted: deletionIndex{held: cfg.Held},
	}
}

// Check reads the block of seal, puts the digests of its entries into d, and
// returns how many bytes they have. Digests of recorded deletions are put there
// too. whole is false of a block that retention has cut into: it proves nothing.
// The error is a *BlockError if the block is not what its seal says, and what
// prevented finding out otherwise. Blocks asked for in ascending order are read
// from one Reader.
//
// An entry that does not come counts as missing after a few seconds and a second
// try: on a broker that slow, a block is found lacking that is not.
func (r *BlockReader) Check(ctx context.Context, seal geo.Seal, d *BlockDigests) (bytes int, whole bool, err error) {
	bytes, unreadable, err := r.read(ctx, seal, d)
	if errors.Is(err, errLate) && ctx.Err() == nil {
		r.Close()
		if bytes, unreadable, err = r.read(ctx, seal, d); errors.Is(err, errLate) {
			r.Close()
			err = nil
		}
	}
	if err != nil {
		r.Close()
		return bytes, false, err
	}
	err = r.Judge(ctx, seal, d)
	if errors.Is(err, errUnprovable) {
		return bytes, false, nil
	}
	var block *BlockError
	if unreadable != nil && errors.As(err, &block) {
		block.Kind, block.Missing, block.Err = Damaged, nil, unreadable
	}
	return bytes, err == nil || block != nil, err
}

// Judge compares d, the digests of a block wherever its entries come from, with
// the block's seal, and fills in those of recorded deletions. It returns a
// *BlockError if they differ.
func (r *BlockReader) Judge(ctx context.Context, seal geo.Seal, d *BlockDigests) error {
	return r.check.judge(ctx, d, seal, &r.deleted, nil)
}

// read takes the digests of the seal's block; unreadable is why some entry could
// not be decoded.
func (r *BlockReader) read(ctx context.Context, seal geo.Seal, d *BlockDigests) (bytes int, unreadable, err error) {
	first, due := seal.Block.Range().First, lastDue(seal)
	d.Begin(seal.Block)
	if r.scan.reader == nil || r.scan.next != first {
		if err := r.scan.reopen(ctx, first); err != nil {
			return 0, nil, err
		}
	}
	for {
		n, err := r.scan.fill(ctx, d, due)
		bytes += n
		if !errors.Is(err, entry.ErrStored) || r.scan.next >= due {
			if errors.Is(err, entry.ErrStored) {
				unreadable, err = err, nil
				r.Close()
			}
			return bytes, unreadable, err
		}
		unreadable = err // what lies behind it may be well
		if err := r.scan.reopen(ctx, r.scan.next+1); err != nil {
			return bytes, unreadable, err
		}
	}
}

// Close ends what Check has opened; the next Check opens it again.
func (r *BlockReader) Close() { r.scan.close() }

// Due is the stretch of a sealed block from its first offset to the last that
// holds an entry as far as the seal says; it is empty if none does.
func Due(seal geo.Seal) geo.Range {
	return geo.Range{First: seal.Block.Range().First, Last: lastDue(seal)}
}
