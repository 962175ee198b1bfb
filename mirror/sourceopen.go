package mirror

import (
	"fmt"

	"geomq/geo"
)

func (s *Source) open(hello *Hello, held Held) []Action {
	id, err := geo.ParseCommitLog(hello.Log)
	held.Exists = held.Exists && err == nil
	s.hello, s.held = hello, held
	s.version = min(hello.MaxVersion, MaxVersion)
	if s.version < max(hello.MinVersion, MinVersion) {
		return s.refuse(nil, CauseVersion, fmt.Sprintf("%s speaks link protocol %d to %d, %s speaks %d to %d: upgrade the older one",
			hello.To, hello.MinVersion, hello.MaxVersion, held.Region, MinVersion, MaxVersion))
	}
	s.known = holes{compacted: id.Control(), skipped: held.Extent.Epochs.Skipped(), deleted: held.Deleted, gaps: hello.Gaps}
	if cause, text := s.objection(id); cause != "" {
		return s.refuse(nil, cause, text)
	}
	from := hello.From
	if from == 0 {
		from = max(held.Extent.First, 1)
	}
	s.state, s.sent = sourceStreaming, from-1
	s.granted, s.unsent, s.told = hello.Credit, hello.Unsealed, hello.Deletions
	if hello.From == 0 {
		s.unsent = geo.BlockOf(from)
	}
	s.noted = s.unsent
	s.passOver(held.Extent)
	codec := s.codec()
	welcome := &Welcome{
		Session: hello.Session, Version: s.version, Holder: held.Region, From: from,
		Head: HeadOf(held.Extent), Codec: codec.String(), Epochs: held.Extent.Epochs,
	}
	actions := []Action{Send{welcome}, Read{From: from, Codec: codec, Frame: min(max(hello.Frame, minFrame), maxFrame)}}
	s.learn(held.Deletions)
	return s.announce(s.flush(actions))
}

// codec is the first of the sink's that this build knows.
func (s *Source) codec() Codec {
	for _, name := range s.hello.Codecs {
		if c, known := ParseCodec(name); known {
			return c
		}
	}
	return None
}

// objection says why the Hello can't be served, or nothing.
func (s *Source) objection(id geo.CommitLog) (Cause, string) {
	h := s.hello
	switch {
	case s.held.Problem != "":
		return CauseLocal, fmt.Sprintf("%s could not look up %s: %s", s.held.Region, h.Log, s.held.Problem)
	case !s.held.Exists:
		return CauseNoLog, fmt.Sprintf("%s has no log %s", s.held.Region, h.Log)
	case h.MaxEntry > 0 && s.held.MaxEntry > h.MaxEntry:
		return CauseRefused, fmt.Sprintf("producers may write entries of %d bytes in %s, %s takes %d: give broker.max_payload the same value in all regions",
			s.held.MaxEntry, s.held.Region, h.To, h.MaxEntry)
	case h.From == 0:
		return "", ""
	}
	if cause, text := s.epochObjection(id); cause != "" {
		return cause, text
	}
	return s.endObjection(id)
}

// epochObjection compares the epoch tables.
func (s *Source) epochObjection(id geo.CommitLog) (Cause, string) {
	h, ours := s.hello, s.held.Extent.Epochs
	switch {
	case !ours.Extends(h.Epochs):
		cause := CauseEpochs
		if h.Epochs.Extends(ours) && s.held.Region != id.Origin {
			cause = CauseStale // it will hear of them by its own link
		}
		return cause, fmt.Sprintf("%s has the epochs %s of %s, %s has %s", s.held.Region, ours, h.Log, h.To, h.Epochs)
	case len(ours) == len(h.Epochs):
		return "", ""
	case s.version < 2:
		return CauseVersion, s.outdated(fmt.Sprintf("the epochs %s", ours))
	case h.From > ours[len(h.Epochs)].First:
		return CauseEpochs, beyondEpoch(id, h.To, h.From-1, ours[len(h.Epochs)])
	}
	return "", ""
}

// beyondEpoch says what to do about a replica that ends at last, beyond the
// first offset of an epoch it has not heard of: entries of another epoch stand
// where those of e belong.
func beyondEpoch(id geo.CommitLog, to geo.Region, last geo.Offset, e geo.Epoch) string {
	return fmt.Sprintf("epoch %d of %s begins at %d, but %s holds entries of an older one up to %d: run `geomq log repair %s --region %s`, which keeps them in the ledger and builds the replica anew",
		e.Number, id, e.First, to, last, id, to)
}

// outdated says that the sink's version has no message for what it would need.
func (s *Source) outdated(what string) string {
	return fmt.Sprintf("%s has %s of %s, of which link protocol %d can't tell %s: upgrade %s", s.held.Region, what, s.hello.Log, s.version, s.hello.To, s.hello.To)
}

// endObjection compares where the logs begin and end.
func (s *Source) endObjection(id geo.CommitLog) (Cause, string) {
	h, extent := s.hello, s.held.Extent
	if h.From > extent.Last+1 {
		return CauseAhead, fmt.Sprintf("%s ends at %d in %s, but %s holds up to %d: %s has lost its tail",
			h.Log, extent.Last, s.held.Region, h.To, h.From-1, s.held.Region)
	}
	if h.Deletions > s.held.LastDeletion && s.held.Region == id.Origin {
		return CauseAhead, fmt.Sprintf("%s has recorded %d deletions of %s, but %s has had %d: %s has lost some of its records",
			s.held.Region, s.held.LastDeletion, h.Log, h.To, h.Deletions, s.held.Region)
	}
	if h.DeletionSum != nil && s.held.DeletionSum != nil && *h.DeletionSum != *s.held.DeletionSum {
		return CauseConflict, fmt.Sprintf("deletion %d of %s is one thing in %s and another in %s: look at both with `geomq events --kind log.deleted`, order again what %s lacks, then run `geomq log repair %s --region %s`",
			h.Deletions, h.Log, s.held.Region, h.To, s.held.Region, h.Log, h.To)
	}
	if h.From < extent.First {
		if _, left := s.known.explain(geo.Range{First: h.From, Last: extent.First - 1}); left.Len() > 0 {
			s.missing = &left
			return CauseTrimmed, fmt.Sprintf("%s begins at %d in %s: its retention removed %s before %s had it", h.Log, extent.First, s.held.Region, left, h.To)
		}
	}
	if h.Last != nil && s.held.Digest != nil && *h.Last != *s.held.Digest {
		return CauseConflict, fmt.Sprintf("offset %d of %s is one entry in %s and another in %s", h.From-1, h.Log, s.held.Region, h.To)
	}
	return "", ""
}
