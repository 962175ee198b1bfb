package mirror

import (
	"slices"

	"geomq/geo"
)

// passOver forgets the seals of blocks that the holder has not any more: nobody
// may ever have sealed them, and looking for them would end at the first gap.
func (s *Source) passOver(extent geo.Extent) {
	s.unsent = max(s.unsent, geo.BlockOf(max(extent.First, 1)))
}

// seek asks for the seals of the blocks that have been sent whole.
func (s *Source) seek() []Action {
	whole := geo.Block(s.sent / geo.BlockSize) // blocks sent to their end
	s.unsent = unskipped(s.known.skipped, s.unsent)
	if s.seeking || s.unsent >= whole {
		return nil
	}
	s.seeking = true
	return []Action{Seek{First: s.unsent, Last: min(whole, s.unsent+sealsAtOnce) - 1}}
}

// sealed sends seals on. A block without a seal is passed over only when a later
// one has been sealed: the origin seals in order and leaves out for good what
// its retention cut into, and what lies between two epochs as a whole.
func (s *Source) sealed(seals []geo.Seal) []Action {
	s.seeking = false
	if s.state != sourceStreaming {
		return nil
	}
	var actions []Action
	for _, seal := range seals {
		if seal.Block < s.unsent || seal.Block.Range().Last > s.sent {
			continue
		}
		seal.Absent = slices.Clone(seal.Absent)
		actions = append(actions, Send{&SealNote{Session: s.hello.Session, From: s.noted, Seal: seal}})
		s.unsent, s.noted = seal.Block+1, seal.Block+1
	}
	return actions
}
