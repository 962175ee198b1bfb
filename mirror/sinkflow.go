package mirror

import (
	"fmt"

	"geomq/geo"
)

func (s *Sink) frame(f *Frame) []Action {
	span := geo.Range{First: f.First, Last: f.Last()}
	between := s.known.skipped.Intersect(span)
	switch {
	case f.Number != s.nextFrame:
		return s.misnumbered(f, f.Number)
	case f.Raw > MaxRaw:
		return s.end(CauseDamaged, fmt.Sprintf("frame %d claims %d bytes, at most %d are allowed", f.Number, f.Raw, MaxRaw))
	case f.First > s.handed+1:
		return s.end(CauseOffset, fmt.Sprintf("frame %d begins at %d, the replica needs %d", f.Number, f.First, s.handed+1))
	case len(between) > 0:
		return s.end(CauseConflict, fmt.Sprintf("%s has entries at offsets %s of %s, which lie between two epochs", s.holder, between[0], s.cfg.Log))
	case !s.affords(uint64(f.Raw)):
		return s.beyondCredit(f, f.Number, uint64(f.Raw))
	}
	s.nextFrame++
	skip := uint32(min(s.handed+1-f.First, geo.Offset(f.Count)))
	without := s.known.deleted.in(geo.Range{First: f.First + geo.Offset(skip), Last: f.Last()})
	s.handed = max(s.handed, f.Last())
	s.handOver(handedBytes{last: f.Last(), raw: uint64(f.Raw)})
	return []Action{Apply{Frame: f, Skip: skip, Without: without}}
}

// hole believes nothing but what the replica's own epochs and deletions say.
func (s *Sink) hole(m *Hole) []Action {
	switch {
	case m.Number != s.nextFrame:
		return s.misnumbered(m, m.Number)
	case m.First != s.handed+1:
		return s.end(CauseOffset, fmt.Sprintf("hole %d begins at %d, the replica needs %d", m.Number, m.First, s.handed+1))
	}
	known, left := s.known.explain(m.Range())
	if left.Len() > 0 {
		return s.end(CauseGap, fmt.Sprintf("%s says that nothing is at offsets %s of %s (%s), but no epoch and no deletion known here says so: it lacks them or is wrong",
			s.holder, left, s.cfg.Log, m.Why))
	}
	s.nextFrame++
	s.handed = m.Last
	var actions []Action
	for _, hole := range known {
		actions = append(actions, Leave{First: hole.First, Last: hole.Last, Why: hole.Why})
	}
	return actions
}

func (s *Sink) deletion(m *DeletionNote) []Action {
	size := deletionSize(&m.Deletion)
	switch {
	case m.Number != s.nextFrame:
		return s.misnumbered(m, m.Number)
	case m.Deletion.Number != s.deletions+1:
		return s.end(CauseNumber, fmt.Sprintf("deletion %d of the log came where %d was due", m.Deletion.Number, s.deletions+1))
	case !s.affords(size):
		return s.beyondCredit(m, m.Number, size)
	}
	s.nextFrame++
	s.deletions++
	s.known.add(&m.Deletion)
	s.handOver(handedBytes{deletion: m.Deletion.Number, raw: size})
	return []Action{Delete{m.Deletion}}
}

func (s *Sink) misnumbered(m Message, number uint64) []Action {
	return s.end(CauseNumber, fmt.Sprintf("%s %d came where %d was due", m.Kind(), number, s.nextFrame))
}

// affords tells whether size bytes may come. A message larger than the credit
// may, if nothing else is under way.
func (s *Sink) affords(size uint64) bool { return s.UnderWay() == 0 || s.received+size <= s.granted }

func (s *Sink) beyondCredit(m Message, number, size uint64) []Action {
	return s.end(CauseCredit, fmt.Sprintf("%s %d is beyond the credit by %d bytes", m.Kind(), number, s.received+size-s.granted))
}

func (s *Sink) handOver(h handedBytes) {
	s.received += h.raw
	s.waiting = append(s.waiting, h)
}

func (s *Sink) advance(last geo.Offset, deletions uint64) []Action {
	if s.state != sinkStreaming {
		return nil
	}
	if last > s.handed {
		return s.end(CauseConflict, fmt.Sprintf("the replica shows offset %d, but only %d was written by this link: somebody else writes to it", last, s.handed))
	}
	s.applied, s.recorded = max(s.applied, last), max(s.recorded, deletions)
	done := 0
	for done < len(s.waiting) && s.waiting[done].last <= s.applied && s.waiting[done].deletion <= s.recorded {
		s.freed += s.waiting[done].raw
		done++
	}
	s.waiting = s.waiting[done:]
	actions := s.readyChecks()
	if s.owesCredit() {
		actions = append(actions, s.tell())
	}
	return actions
}

// owesCredit tells whether the source should hear of the new room at once: there
// is a quarter of the credit, or the source may be waiting for all of it, since
// its next frame can be too large for what is left.
func (s *Sink) owesCredit() bool {
	room := s.freed + s.cfg.Credit - s.granted
	return room > 0 && (room >= s.cfg.Credit/4 || s.UnderWay() == 0 && s.granted-min(s.received, s.granted) < MaxRaw)
}

// seal keeps a seal until its block is in the replica.
func (s *Sink) seal(m *SealNote) []Action {
	block, last := m.Seal.Block, m.Seal.Block.Range().Last
	if m.From != s.noted || block < m.From {
		return s.end(CauseNumber, fmt.Sprintf("the seal of block %d follows the seals before block %d, but those before block %d have come", block, m.From, s.noted))
	}
	if block > maxBlock || last > s.handed {
		return s.end(CauseProtocol, fmt.Sprintf("the seal of block %d came before offset %d", block, last))
	}
	s.noted = block + 1
	s.seals = append(s.seals, m.Seal)
	return s.readyChecks()
}

func (s *Sink) readyChecks() []Action {
	var actions []Action
	for len(s.seals) > 0 && s.seals[0].Block.Range().Last <= s.applied {
		actions = append(actions, Check{s.seals[0]})
		s.seals = s.seals[1:]
	}
	return actions
}

func (s *Sink) beat(m *Beat) []Action {
	head := m.Head
	if m.Frames != s.nextFrame-1 || m.Sealed != s.noted {
		return s.end(CauseNumber, fmt.Sprintf("the source has sent %d frames and the seals before block %d, but %d frames and the seals before block %d have come",
			m.Frames, m.Sealed, s.nextFrame-1, s.noted))
	}
	if head.Last < s.handed {
		return s.end(CauseAhead, fmt.Sprintf("the holder says it ends at %d, but offset %d came from it", head.Last, s.handed))
	}
	s.head, s.headAt = head, s.now
	return s.trim()
}

// trim follows the origin's retention, as far as the replica has come. A relay
// that has lost its front takes nothing along.
func (s *Sink) trim() []Action {
	first := min(s.head.First, s.applied+1)
	if s.holder != s.cfg.Log.Origin || first <= max(s.trimmed, 1) {
		return nil
	}
	s.trimmed = first
	return []Action{Trim{First: first}}
}
