package mirror

import (
	"fmt"

	"geomq/geo"
)

// flush appends what can be sent now to actions: deletions first, since frames
// and holes may need them, then the frame that waits and the holes in front of
// it.
func (s *Source) flush(actions []Action) []Action {
	if s.state != sourceStreaming {
		return actions
	}
	for len(s.notes) > 0 {
		if !s.affords(deletionSize(&s.notes[0])) {
			return actions
		}
		actions = append(actions, s.note(s.notes[0]))
		s.notes = s.notes[1:]
	}
	if s.more {
		if !s.looking {
			actions = s.look(actions)
		}
		return actions
	}
	if s.pending == nil {
		return actions
	}
	return s.flushFrame(actions)
}

// learn takes in deletions that were found behind number s.told.
func (s *Source) learn(deletions []geo.Deletion) {
	s.more = false
	for i := range deletions {
		if deletions[i].Number <= s.told {
			continue // found by a Look that another one overtook
		}
		s.known.add(&deletions[i])
		s.told = deletions[i].Number
		if s.version > 1 {
			s.notes = append(s.notes, deletions[i])
			s.more = len(deletions) >= deletionsAtOnce
		}
	}
}

// affords tells whether the credit has room for size bytes. What is larger than
// the credit may go alone, when all before it has been applied, else it never
// would: the sink's grant is always the credit on top of that.
func (s *Source) affords(size uint64) bool {
	alone := s.granted >= s.bytes+s.hello.Credit
	return alone || s.bytes+size <= s.granted
}

func (s *Source) note(d geo.Deletion) Action {
	s.number++
	s.bytes += deletionSize(&d)
	return Send{&DeletionNote{Session: s.hello.Session, Number: s.number, Deletion: d}}
}

// flushFrame sends the pending frame if the credit allows it.
func (s *Source) flushFrame(actions []Action) []Action {
	f := s.pending
	if f.Raw > MaxRaw {
		return s.refuse(actions, CauseRefused, fmt.Sprintf("the entry at offset %d of %s is larger than a link carries (%d bytes): lower the log's max_msg_size at its origin", f.First, s.hello.Log, MaxRaw))
	}
	if f.First <= s.sent {
		return s.refuse(actions, CauseDone, fmt.Sprintf("entries from offset %d of %s on were deleted while they were read", f.First, s.hello.Log))
	}
	if f.First > s.sent+1 {
		if actions = s.bridge(actions, geo.Range{First: s.sent + 1, Last: f.First - 1}); s.sent+1 != f.First {
			return actions
		}
	}
	if !s.affords(uint64(f.Raw)) {
		return actions
	}
	s.pending = nil
	s.number++
	s.bytes += uint64(f.Raw)
	s.sent = f.Last()
	f.Session, f.Number = s.hello.Session, s.number
	return append(actions, Send{f})
}

// bridge sends what the reader jumped over as holes, if all of it is known to
// be. Else it looks first, since deletions and retention go on meanwhile, and
// refuses after that.
func (s *Source) bridge(actions []Action, jump geo.Range) []Action {
	known, left := s.known.explain(jump)
	switch {
	case left.Len() == 0:
		s.again, s.judging, s.judged = false, false, false
		return s.leave(actions, known)
	case s.judged:
		return s.lack(actions, left)
	case s.judging || s.again:
	case s.looking: // since before the jump
		s.again = true
	default:
		s.judging = true
		actions = s.look(actions)
	}
	return actions
}

// lack refuses for offsets that no one explains.
func (s *Source) lack(actions []Action, missing geo.Range) []Action {
	s.missing = &missing
	if first := s.held.Extent.First; first > missing.First {
		return s.refuse(actions, CauseTrimmed, fmt.Sprintf("retention removed %s of %s before it was sent; %s now begins at %d", missing, s.hello.Log, s.held.Region, first))
	}
	return s.refuse(actions, CauseGap, fmt.Sprintf("offsets %s of %s are missing in %s and nothing says why: compare its holders with `geomq verify %s`",
		missing, s.hello.Log, s.held.Region, s.hello.Log))
}

// leave sends holes, which follow each other from s.sent + 1 on.
func (s *Source) leave(actions []Action, known []Hole) []Action {
	if s.version < 2 && len(known) > 0 {
		return s.refuse(actions, CauseVersion, s.outdated(fmt.Sprintf("no entries at offsets %s", known[0].Range())))
	}
	for _, hole := range known {
		s.number++
		s.sent = hole.Last
		hole.Session, hole.Number = s.hello.Session, s.number
		actions = append(actions, Send{&hole})
	}
	return actions
}

// announce sends the holes that the log ends with: no entry behind them would
// ever show them. A control log's last entry is always there, but for what its last
// epoch skips.
func (s *Source) announce(actions []Action) []Action {
	rest := geo.Range{First: s.sent + 1, Last: s.held.Extent.Last}
	if s.state != sourceStreaming || s.pending != nil || len(s.notes) > 0 || s.more || rest.Len() == 0 {
		return actions
	}
	if s.known.compacted && !s.known.skipped.Covers(rest) { // its entries may be under way
		return actions
	}
	known, left := s.known.explain(rest)
	if left.Len() > 0 {
		return actions
	}
	return s.leave(actions, known)
}
