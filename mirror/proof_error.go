package mirror

import (
	"errors"
	"fmt"

	"geomq/geo"
)

// Damage says what is wrong with a block that is not what its seal says. It is
// part of what people and metrics see and is never renamed.
type Damage string

// The kinds of damage.
const (
	// Damaged: some entry is another one than the origin sealed, or can't be read.
	Damaged Damage = "damaged"
	// Lacking: some entry is missing, and neither the seal nor a Deletion says why.
	Lacking Damage = "lacking"
)

// BlockError says that one holder's copy of a block can't be proved by the
// block's seal. A source gets it in place of the block's entries and refuses
// with CauseGap: a damaged entry is as good as a missing one, and another holder
// may have it. Package scrub fetches the block from there.
type BlockError struct {
	Log     geo.CommitLog
	Block   geo.Block
	At      geo.Region
	Kind    Damage
	Missing geo.Ranges // what is missing; of Lacking only
	Err     error      // why an entry can't be read, if that is it
}

func (e *BlockError) Error() string {
	what := "is damaged"
	switch {
	case e.Kind == Lacking:
		what = fmt.Sprintf("lacks %d entries from offset %d on", e.Missing.Len(), e.first())
	case e.Err != nil:
		what = fmt.Sprintf("can't be read (%v)", e.Err)
	}
	return fmt.Sprintf("block %d (offsets %s) of %s %s in %s: another holder's copy is served as soon as the scrub has fetched it; to mend this one run `geomq log repair %s --region %s`",
		e.Block, e.Block.Range(), e.Log, what, e.At, e.Log, e.At)
}

func (e *BlockError) first() geo.Offset {
	if len(e.Missing) == 0 {
		return e.Block.Range().First
	}
	return e.Missing[0].First
}

func (e *BlockError) Unwrap() error { return e.Err }

// Cause is why a session ends whose source meets e.
func (e *BlockError) Cause() Cause { return CauseGap }

// errUnprovable says that a block can't be compared with its seal, through no
// fault of its own: retention or an operator has taken a part of it.
var errUnprovable = errors.New("the block is not kept whole here")
