package mirror

import (
	"math/bits"

	"geomq/geo"
)

// Offsets is a set of single offsets, such as those that deletions name. It
// takes 128 bytes for each block that holds any. The zero Offsets is empty; the
// copies of one share what they hold.
type Offsets struct{ blocks map[geo.Block]*blockBits }

type blockBits [geo.BlockSize / 64]uint64

// add puts o into the set.
func (s *Offsets) add(o geo.Offset) {
	if s.blocks == nil {
		s.blocks = make(map[geo.Block]*blockBits)
	}
	block := geo.BlockOf(o)
	if s.blocks[block] == nil {
		s.blocks[block] = new(blockBits)
	}
	at := uint64(o-1) % geo.BlockSize
	s.blocks[block][at/64] |= 1 << (at % 64)
}

// has tells whether o, which is not 0, is in the set.
func (s Offsets) has(o geo.Offset) bool {
	b := s.blocks[geo.BlockOf(o)]
	at := uint64(o-1) % geo.BlockSize
	return b != nil && b[at/64]&(1<<(at%64)) != 0
}

// run is the stretch of offsets of the set that begins with first, as far as
// within reaches; it is empty where first is not in the set.
func (s Offsets) run(within geo.Range) geo.Range {
	r := geo.Range{First: within.First, Last: within.First - 1}
	for r.Last < within.Last && s.has(r.Last+1) {
		r.Last++
	}
	return r
}

// in is the offsets of the set that lie in r, whose blocks are looked at one by
// one.
func (s Offsets) in(r geo.Range) geo.Ranges {
	var found geo.Ranges
	for o := r.First; o <= r.Last; o++ {
		if s.blocks[geo.BlockOf(o)] == nil {
			if o = geo.BlockOf(o).Range().Last; o == r.Last || o+1 == 0 {
				break
			}
			continue
		}
		if run := s.run(geo.Range{First: o, Last: r.Last}); run.Len() > 0 {
			found, o = append(found, run), run.Last
		}
	}
	return found
}

// count is how many offsets of the set lie in r.
func (s Offsets) count(r geo.Range) (n uint64) {
	for block, b := range s.blocks {
		span := block.Range()
		if shared := span.Intersect(r); shared.Len() == 0 {
			continue
		} else if shared != span {
			n += s.in(shared).Len()
			continue
		}
		for _, word := range b {
			n += uint64(bits.OnesCount64(word))
		}
	}
	return n
}
