package geo

import (
	"fmt"
	"time"
)

// Deletion is the origin's record that entries of one block are removed on
// purpose. It is written before they are, so that whoever misses them later
// knows why. Deletions of a CommitLog are numbered from 1 without a gap, and
// every holder keeps them at the same numbers.
type Deletion struct {
	Number uint64
	Block  Block
	// Offsets are the entries' in ascending order, Digests those of the entries
	// that stood there: with them the block's seal can still be proved.
	Offsets []Offset
	Digests [][16]byte
	// At is when the deletion was decided, in nanoseconds since 1970.
	At int64
	// Reason is an operator's, for people.
	Reason string
}

// When is At as a time.
func (d Deletion) When() time.Time { return time.Unix(0, d.At) }

// Validate says what contradicts itself in d; the error wraps ErrDeletion.
func (d Deletion) Validate() error {
	switch {
	case d.Number == 0:
		return fmt.Errorf("%w: it has no number", ErrDeletion)
	case len(d.Offsets) == 0 || len(d.Offsets) > BlockSize:
		return fmt.Errorf("%w: it names %d offsets", ErrDeletion, len(d.Offsets))
	case len(d.Digests) != len(d.Offsets):
		return fmt.Errorf("%w: it has %d digests for %d offsets", ErrDeletion, len(d.Digests), len(d.Offsets))
	}
	for i, o := range d.Offsets {
		if !d.Block.Range().Contains(o) || i > 0 && o <= d.Offsets[i-1] {
			return fmt.Errorf("%w: offset %d is out of place in block %d", ErrDeletion, o, d.Block)
		}
	}
	return nil
}
