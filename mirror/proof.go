package mirror

import (
	"context"
	"errors"
	"fmt"

	"geomq/geo"
	"geomq/geo/entry"
)

// ProveConfig says what Prove reads.
type ProveConfig struct {
	Log  geo.CommitLog
	At   geo.Region // where Held is, for messages
	Held HeldLog
	// Gaps are offsets that whoever reads has given up. A block that lacks others
	// than these can't be proved; one that lacks these alone passes as it is.
	Gaps geo.Ranges
}

// Prove opens a Reader that begins at from, or at the first offset behind it
// that exists, and that gives the entries of a sealed block only once all of the
// block has been found equal to its seal. In place of a block that isn't, Next
// returns a *BlockError naming block and holder, and does so from then on. Blocks
// that have no seal (yet), or that retention has cut into, pass at once.
//
// It costs one digest per entry, or two in blocks of more than 8 MiB, and holds
// back at most one block. Where from lies inside of a sealed block, it reads from
// that block's beginning.
func Prove(ctx context.Context, cfg ProveConfig, from geo.Offset) (Reader, error) {
	from = max(from, 1)
	extent, err := cfg.Held.Extent(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask where %s begins: %w", cfg.Log, err)
	}
	p := &provingReader{
		blockCheck: blockCheck(cfg),
		from:       from, start: from, deleted: deletionIndex{held: cfg.Held}, seals: sealsAhead{held: cfg.Held},
	}
	if block := geo.BlockOf(from); extent.First <= block.Range().First && block.Range().Last <= extent.Last {
		_, sealed, err := p.seals.of(ctx, block)
		if err != nil {
			return nil, err
		}
		if sealed {
			p.start = block.Range().First
		}
	}
	if err := p.reopen(ctx, p.start); err != nil {
		return nil, err
	}
	p.start = max(p.start, extent.First)
	return p, nil
}

// provingReader reads a log piece by piece; a piece is entries of one block that
// came together. No piece is done with before it can be: an error that is only
// the context's leaves it to be done again.
type provingReader struct {
	blockCheck
	from, start geo.Offset // first to give out; first read, or kept when reading began
	reader      Reader
	batch       []entry.Entry // read and not yet done with
	next        geo.Offset    // nothing before it has yet to come
	hasher      entry.Hasher
	deleted     deletionIndex
	seals       sealsAhead

	way     way
	inside  bool         // a block has been entered: that of digests
	digests BlockDigests // not used by passing
	seal    geo.Seal
	due     geo.Offset // last offset that the seal says holds an entry
	held    heldBack

	ready [2][]entry.Entry // may go out
	err   error            // for good
}

// way is how the entries of the present block are treated.
type way int

const (
	passing   way = iota // there is nothing to prove them by
	proving              // held back
	proved               // no more may come
	replaying            // proved, but read again since too large to be held back
)

// Next implements Reader.
func (p *provingReader) Next(ctx context.Context) ([]entry.Entry, error) {
	for {
		if out := p.pop(); len(out) > 0 {
			return out, nil
		}
		if p.err != nil {
			return nil, p.err
		}
		if err := p.step(ctx); ctx.Err() != nil && err != nil {
			return nil, err
		} else if err != nil {
			p.err = err
		}
	}
}

// pop takes what may go out next.
func (p *provingReader) pop() []entry.Entry {
	for i := range p.ready {
		out := p.ready[i]
		p.ready[i] = nil
		for len(out) > 0 && out[0].Offset < p.from {
			out = out[1:]
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// step reads on, or does with the next piece what is to be done with it.
func (p *provingReader) step(ctx context.Context) error {
	if len(p.batch) == 0 {
		return p.read(ctx)
	}
	piece := p.batch[:1]
	block := geo.BlockOf(piece[0].Offset)
	if !p.inside || block != p.digests.block {
		if p.way == proving { // what has not come of the block before is holes, or missing
			return p.settle(ctx, nil, nil)
		}
		if err := p.enter(ctx, block); err != nil {
			return err
		}
	}
	for last := block.Range().Last; len(piece) < len(p.batch) && p.batch[len(piece)].Offset <= last; {
		piece = p.batch[:len(piece)+1]
	}
	if err := p.work(ctx, piece); err != nil {
		return err
	}
	if len(p.batch) > 0 {
		p.batch = p.batch[len(piece):]
	}
	return nil
}

// read fetches the next batch. For the rest of a block under proof, which must
// be there, it waits no longer than that takes.
func (p *provingReader) read(ctx context.Context) (err error) {
	if p.way != proving {
		p.batch, err = p.reader.Next(ctx)
	} else {
		p.batch, err = nextSoon(ctx, p.reader)
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return p.settle(ctx, nil, errLate)
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		return p.unreadable(geo.BlockOf(p.next), err)
	case len(p.batch) > 0 && p.batch[0].Offset < p.next:
		return fmt.Errorf("the reader of %s went back to offset %d from %d", p.Log, p.batch[0].Offset, p.next)
	}
	return nil
}

// enter begins with block.
func (p *provingReader) enter(ctx context.Context, block geo.Block) error {
	seal, sealed, err := p.seals.of(ctx, block)
	if err != nil {
		return err
	}
	p.inside, p.way, p.seal, p.due = true, passing, seal, 0
	p.digests.block = block
	if sealed && block.Range().First >= p.start {
		p.way, p.due = proving, lastDue(seal)
		p.digests.Begin(block)
		p.held.reset()
	}
	return nil
}

// work treats entries of the present block.
func (p *provingReader) work(ctx context.Context, piece []entry.Entry) error {
	switch p.way {
	case passing:
		p.give(nil, piece)
	case proved:
		return p.damaged()
	case replaying:
		for i := range piece {
			if digest, _ := p.digests.At(piece[i].Offset); p.hasher.Entry(&piece[i]) != digest {
				return p.damaged()
			}
		}
		p.give(nil, piece)
	case proving:
		for i := range piece {
			p.digests.Set(piece[i].Offset, p.hasher.Entry(&piece[i]))
		}
		last := piece[len(piece)-1].Offset
		if last >= p.due {
			return p.settle(ctx, piece, nil)
		}
		p.held.add(piece)
		p.next = last + 1
	}
	return nil
}

// settle judges the block under proof, of which piece has come last.
func (p *provingReader) settle(ctx context.Context, piece []entry.Entry, late error) error {
	err := p.judge(ctx, &p.digests, p.seal, &p.deleted, late)
	if err != nil && !errors.Is(err, errUnprovable) {
		return err
	}
	if p.held.dropped {
		if failed := p.reopen(ctx, p.digests.block.Range().First); failed != nil {
			return failed
		}
		p.way = replaying
	} else {
		p.give(p.held.entries, piece)
		p.way = proved
	}
	if err != nil {
		p.way = passing
	}
	return nil
}

// give lets entries go out, first before second.
func (p *provingReader) give(first, second []entry.Entry) {
	p.ready = [2][]entry.Entry{first, second}
	for _, piece := range p.ready {
		if len(piece) > 0 {
			p.next = piece[len(piece)-1].Offset + 1
		}
	}
}

func (p *provingReader) damaged() error {
	return &BlockError{Log: p.Log, Block: p.digests.block, At: p.At, Kind: Damaged}
}

// reopen reads from offset on.
func (p *provingReader) reopen(ctx context.Context, offset geo.Offset) error {
	reader, err := p.Held.Read(ctx, offset)
	if err != nil {
		return fmt.Errorf("read %s from %d: %w", p.Log, offset, err)
	}
	p.Close()
	p.reader, p.batch, p.next = reader, nil, offset
	return nil
}

// Close implements Reader.
func (p *provingReader) Close() error {
	if p.reader == nil {
		return nil
	}
	return p.reader.Close()
}
