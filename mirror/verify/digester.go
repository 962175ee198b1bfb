package verify

import (
	"fmt"
	"iter"
	"math"

	"geomq/geo"
	"geomq/geo/entry"
)

// DigesterConfig says what a Digester is to compute.
type DigesterConfig struct {
	// Range is what to cover; its First is at least 1.
	Range geo.Range
	// Step is how many offsets a stretch covers at most, in parts aligned to the
	// blocks. It divides geo.BlockSize; with 1 each stretch is one offset and
	// carries the entry's own digest.
	Step uint64
	// Seal is what the holder recorded for a block. It is asked for whole blocks
	// only, and nil where the holder keeps no seals.
	Seal func(geo.Block) (entry.Digest, bool)
	// Deleted is what the origin recorded of an entry that it removed on purpose:
	// the entry counts as if it were there, so that holders are equal before and
	// after they have removed it, and with their seals. nil knows of none.
	Deleted func(geo.Offset) (entry.Digest, bool)
	// Yield takes the stretches in order. Its error ends the work.
	Yield func(Stretch) error
}

// Digester turns entries, given in the order of their offsets, into stretches
// that cover a range without a gap. Offsets without an entry count as zero
// digests. One goroutine uses it at a time.
type Digester struct {
	cfg     DigesterConfig
	hasher  entry.Hasher
	piece   geo.Range      // the stretch that is being filled
	digests []entry.Digest // of piece.First and the offsets behind it so far
	entries uint64         // of digests, those that are not missing
}

// NewDigester returns a Digester that has seen nothing. The error wraps ErrStep
// or ErrOrder where Config asks for the impossible.
func NewDigester(cfg DigesterConfig) (*Digester, error) {
	if cfg.Step == 0 || geo.BlockSize%cfg.Step != 0 {
		return nil, fmt.Errorf("%w: %d does not divide %d", ErrStep, cfg.Step, geo.BlockSize)
	}
	if cfg.Range.First == 0 || cfg.Range.Last == math.MaxUint64 {
		return nil, fmt.Errorf("%w: %s holds offsets that no log has", ErrOrder, cfg.Range)
	}
	d := &Digester{cfg: cfg, digests: make([]entry.Digest, 0, cfg.Step)}
	d.piece = pieceAt(cfg.Range, cfg.Step, cfg.Range.First)
	return d, nil
}

// pieceAt is the part of r that begins at first and ends at the next multiple
// of step.
func pieceAt(r geo.Range, step uint64, first geo.Offset) geo.Range {
	last := (uint64(first-1)/step + 1) * step
	if last < uint64(first) { // beyond the largest number
		last = uint64(r.Last)
	}
	return geo.Range{First: first, Last: min(geo.Offset(last), r.Last)}
}

// Add takes the next entry; e's memory is free again when it returns. The error
// is Yield's, or wraps ErrOrder where e lies outside of the range or not behind
// the entry before it.
func (d *Digester) Add(e *entry.Entry) error {
	if !d.cfg.Range.Contains(e.Offset) || e.Offset < d.next() {
		return fmt.Errorf("%w: offset %d where %d or a later one of %s was expected", ErrOrder, e.Offset, d.next(), d.cfg.Range)
	}
	if err := d.skipTo(e.Offset); err != nil {
		return err
	}
	d.digests = append(d.digests, d.hasher.Entry(e))
	d.entries++
	return d.flushIfFull()
}

// Close counts the rest of the range as missing and yields what is left.
func (d *Digester) Close() error {
	if d.next() > d.cfg.Range.Last {
		return nil
	}
	if err := d.skipTo(d.cfg.Range.Last); err != nil {
		return err
	}
	d.digests = append(d.digests, d.absent(d.cfg.Range.Last))
	return d.flushIfFull()
}

// next is the offset that comes next.
func (d *Digester) next() geo.Offset { return d.piece.First + geo.Offset(len(d.digests)) }

// skipTo counts every offset before o as missing.
func (d *Digester) skipTo(o geo.Offset) error {
	for d.next() < o {
		for last := min(o-1, d.piece.Last); d.next() <= last; {
			d.digests = append(d.digests, d.absent(d.next()))
		}
		if err := d.flushIfFull(); err != nil {
			return err
		}
	}
	return nil
}

// absent is the digest of an offset without an entry.
func (d *Digester) absent(o geo.Offset) entry.Digest {
	if d.cfg.Deleted != nil {
		digest, _ := d.cfg.Deleted(o)
		return digest
	}
	return entry.Digest{}
}

func (d *Digester) flushIfFull() error {
	if d.next() <= d.piece.Last {
		return nil
	}
	s := Stretch{Range: d.piece, Digest: d.digest(), Entries: d.entries, Sealed: d.seal()}
	d.digests, d.entries = d.digests[:0], 0
	d.piece = geo.Range{First: s.Range.Last + 1, Last: s.Range.Last}
	if s.Range.Last < d.cfg.Range.Last {
		d.piece = pieceAt(d.cfg.Range, d.cfg.Step, d.piece.First)
	}
	return d.cfg.Yield(s)
}

func (d *Digester) digest() entry.Digest {
	if d.cfg.Step == 1 {
		return d.digests[0]
	}
	return entry.Combine(d.digests)
}

// seal is the recorded seal of the piece, if it is a whole block.
func (d *Digester) seal() *entry.Digest {
	block, whole := wholeBlock(d.piece)
	if !whole || d.cfg.Seal == nil {
		return nil
	}
	if sealed, ok := d.cfg.Seal(block); ok {
		return &sealed
	}
	return nil
}

func wholeBlock(r geo.Range) (geo.Block, bool) {
	block := geo.BlockOf(r.First)
	return block, r == block.Range()
}

// Digest feeds entries to a Digester with cfg and closes it. It ends with the
// first error of the sequence, of Yield or of Add.
func Digest(cfg DigesterConfig, entries iter.Seq2[*entry.Entry, error]) error {
	d, err := NewDigester(cfg)
	if err != nil {
		return err
	}
	for e, err := range entries {
		if err != nil {
			return err
		}
		if err := d.Add(e); err != nil {
			return err
		}
	}
	return d.Close()
}
