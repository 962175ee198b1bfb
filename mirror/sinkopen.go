package mirror

import (
	"fmt"
	"slices"

	"geomq/geo"
)

func (s *Sink) start(stand Stand) []Action {
	s.state, s.stand = sinkAsking, stand
	hello := &Hello{
		Session: s.cfg.Session, MinVersion: MinVersion, MaxVersion: MaxVersion,
		Log: s.cfg.Log.Stream(), To: s.cfg.To, Credit: s.cfg.Credit, Frame: s.cfg.Frame,
		Codecs: offered(s.cfg.Codecs), Heartbeat: s.cfg.Heartbeat, Unsealed: stand.Unsealed, MaxEntry: s.cfg.MaxEntry,
		Deletions: stand.Deletions, DeletionSum: stand.DeletionSum,
	}
	if stand.Exists {
		hello.From, hello.Last, hello.Epochs = stand.Last+1, stand.Digest, stand.Epochs
		hello.Gaps = stand.Gaps.Intersect(geo.Range{First: hello.From, Last: ^geo.Offset(0)})
		hello.Gaps = hello.Gaps[:min(len(hello.Gaps), maxGaps)]
	}
	return []Action{Send{hello}}
}

func (s *Sink) welcome(m *Welcome) []Action {
	s.version, s.holder = m.Version, m.Holder
	if cause, text := s.objection(m); cause != "" {
		return s.end(cause, text)
	}
	if s.stand.Exists && len(m.Epochs) > len(s.stand.Epochs) {
		return s.renew(m)
	}
	s.state = sinkStreaming
	s.handed, s.applied = m.From-1, m.From-1
	s.deletions, s.recorded = s.stand.Deletions, s.stand.Deletions
	s.granted, s.noted = s.cfg.Credit, s.stand.Unsealed
	if !s.stand.Exists {
		s.noted, s.trimmed = geo.BlockOf(m.From), m.From
	}
	s.known = holes{compacted: s.cfg.Log.Control(), skipped: m.Epochs.Skipped(), deleted: s.stand.Deleted, gaps: s.stand.Gaps}
	s.head, s.headAt = m.Head, s.now
	actions := []Action{Adopt{From: m.From, Epochs: m.Epochs, Exists: s.stand.Exists, Mend: s.stand.Surplus}}
	return append(append(actions, s.trim()...), s.tell())
}

// objection says why the Welcome can't be accepted, or nothing.
func (s *Sink) objection(m *Welcome) (Cause, string) {
	if m.Version < MinVersion || m.Version > MaxVersion {
		return CauseVersion, fmt.Sprintf("%s answers in protocol version %d, this node speaks %d to %d", m.Holder, m.Version, MinVersion, MaxVersion)
	}
	if m.Codec != None.String() && !slices.Contains(offered(s.cfg.Codecs), m.Codec) {
		return CauseProtocol, fmt.Sprintf("%s wants to compress by %q", m.Holder, m.Codec)
	}
	if err := m.Epochs.Validate(); err != nil {
		return CauseEpochs, fmt.Sprintf("%s: %v", m.Holder, err)
	}
	if s.stand.Exists {
		if cause, text := s.epochObjection(m); cause != "" {
			return cause, text
		}
	}
	// In front of what the holder has there may be holes, which have to be proved
	// as they come.
	if m.From == 0 || m.From < m.Head.First && (m.Version < 2 || !s.stand.Exists) {
		return CauseProtocol, fmt.Sprintf("%s would begin at offset %d, but has the log from %d on", m.Holder, m.From, m.Head.First)
	}
	if m.From-1 > m.Head.Last {
		return CauseAhead, fmt.Sprintf("%s would go on at offset %d, but ends at %d", m.Holder, m.From, m.Head.Last)
	}
	return "", ""
}

// epochObjection compares the holder's epochs with those of the replica.
func (s *Sink) epochObjection(m *Welcome) (Cause, string) {
	ours := s.stand.Epochs
	if m.From != s.stand.Last+1 || !m.Epochs.Extends(ours) {
		cause := CauseEpochs
		if m.From == s.stand.Last+1 && ours.Extends(m.Epochs) && m.Holder != s.cfg.Log.Origin {
			cause = CauseStale
		}
		return cause, fmt.Sprintf("%s has epochs %s and would go on at %d; the replica has epochs %s and ends at %d",
			m.Holder, m.Epochs, m.From, ours, s.stand.Last)
	}
	if len(m.Epochs) > len(ours) && s.stand.Last >= m.Epochs[len(ours)].First {
		return CauseEpochs, beyondEpoch(s.cfg.Log, s.cfg.To, s.stand.Last, m.Epochs[len(ours)])
	}
	return "", ""
}

// renew takes over the holder's new epochs. What the replica has beyond the end
// of the epoch before is not part of the log: no holder had it when the new
// epoch was opened. The next session begins with a replica that knows so, and
// streams the rest.
func (s *Sink) renew(m *Welcome) []Action {
	first := m.Epochs[len(s.stand.Epochs)]
	last := min(s.stand.Last, first.PrevEnd)
	renew := Renew{Epochs: m.Epochs, Retire: geo.Range{First: last + 1, Last: s.stand.Last}, Last: last}
	s.state, s.stand.Epochs = sinkRenewing, m.Epochs
	return []Action{renew}
}

// renewed ends the session behind a Renew.
func (s *Sink) renewed() []Action {
	return s.end(CauseDone, fmt.Sprintf("the replica has taken over the epochs %s from %s", s.stand.Epochs, s.holder))
}
