package mirror

import (
	"context"
	"fmt"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

const (
	// maxHeldBack is how many bytes of a block are kept until the block is
	// proved. Of a larger block only the digests are, and it is read again.
	maxHeldBack = 8 << 20
	// sealsAtATime is how many blocks' seals are looked up together.
	sealsAtATime = 64
)

// heldBack keeps copies of entries of one block.
type heldBack struct {
	entries []entry.Entry
	bytes   []byte // what entries point into, or pointed into before it grew
	size    int
	dropped bool // they were too many
}

func (h *heldBack) reset() {
	h.entries, h.bytes, h.size, h.dropped = h.entries[:0], h.bytes[:0], 0, false
	if h.bytes == nil {
		h.bytes = make([]byte, 0, 64<<10)
	}
}

func (h *heldBack) add(piece []entry.Entry) {
	for i := range piece {
		if h.size += piece[i].Size(); h.size > maxHeldBack {
			h.entries, h.bytes, h.dropped = nil, nil, true
		}
		if h.dropped {
			return
		}
		e := piece[i]
		e.Subject, e.Header, e.Body = h.copied(e.Subject), h.copied(e.Header), h.copied(e.Body)
		h.entries = append(h.entries, e)
	}
}

// copied is b in memory of h's own; what is nil stays so.
func (h *heldBack) copied(b []byte) []byte {
	if b == nil {
		return nil
	}
	start := len(h.bytes)
	h.bytes = append(h.bytes, b...)
	return h.bytes[start:len(h.bytes):len(h.bytes)]
}

// sealsAhead gives the seals of ascending blocks.
type sealsAhead struct {
	held   HeldLog
	seals  []geo.Seal // ascending
	looked geo.Block  // seals has all that there are before it
	none   time.Time  // when there were none last, zero if there were some
}

// of is the seal of block. A block that none was found for is looked for again
// only after sealPause: that is how often seals are written.
func (s *sealsAhead) of(ctx context.Context, block geo.Block) (seal geo.Seal, sealed bool, err error) {
	if block >= s.looked {
		if err := s.look(ctx, block); err != nil {
			return seal, false, err
		}
	}
	for len(s.seals) > 0 && s.seals[0].Block < block {
		s.seals = s.seals[1:]
	}
	if len(s.seals) == 0 || s.seals[0].Block != block {
		return seal, false, nil
	}
	return s.seals[0], true, nil
}

func (s *sealsAhead) look(ctx context.Context, block geo.Block) error {
	if !s.none.IsZero() && time.Since(s.none) < sealPause {
		return nil
	}
	seals, err := s.held.Seals(ctx, block, block+sealsAtATime-1)
	if err != nil {
		return fmt.Errorf("read the seals from block %d on: %w", block, err)
	}
	s.seals, s.none = seals, time.Time{}
	if len(seals) == 0 {
		s.none = time.Now()
		return nil
	}
	s.looked = seals[len(seals)-1].Block + 1
	return nil
}
