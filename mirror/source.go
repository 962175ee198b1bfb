package mirror

import (
	"fmt"
	"slices"
	"time"

	"geomq/geo"
)

// Bounds on what a sink may ask of a source; a Hello beyond them is served
// within them.
const (
	minHeartbeat = 50 * time.Millisecond
	maxHeartbeat = 30 * time.Second
	minFrame     = 4 << 10
	maxFrame     = 256 << 10
	// sealsAtOnce is how many blocks one Seek covers.
	sealsAtOnce = 4096
)

// Source is the sending side of one session, as a pure state machine. It is
// used by one goroutine.
type Source struct {
	hello *Hello
	held  Held
	state sourceState

	now, heard time.Duration // since the session began

	number  uint64     // of the last frame sent
	sent    geo.Offset // last offset sent
	bytes   uint64     // uncompressed bytes sent in all
	granted uint64
	applied geo.Offset // the replica's end, as the sink last told
	pending *Frame
	looking bool
	looked  geo.Offset // last offset sent when the last Look was given
	unsent  geo.Block  // first block whose seal may yet have to be sent
	noted   geo.Block  // first block that no SealNote has covered
	seeking bool
}

type sourceState int

const (
	sourceIdle sourceState = iota
	sourceStreaming
	sourceEnded
)

// NewSource returns a Source that waits for Opened.
func NewSource() *Source { return &Source{} }

// Step takes one event and returns what to do. After an End nothing follows.
func (s *Source) Step(ev Event) []Action {
	if s.state == sourceEnded {
		return nil
	}
	switch ev := ev.(type) {
	case Opened:
		return s.open(ev.Hello, ev.Held)
	case Received:
		return s.receive(ev.Message)
	case Packed:
		s.pending = ev.Frame
		return s.flush()
	case Headed:
		return s.headed(ev.Extent)
	case Sealed:
		return s.sealed(ev.Seals)
	case Tick:
		return s.tick(ev.Now)
	case Failed:
		return s.refuse(ev.Cause, ev.Text)
	}
	return nil
}

// Wants tells whether a further Packed may be given: the frame before has been
// sent.
func (s *Source) Wants() bool { return s.state == sourceStreaming && s.pending == nil }

// Heartbeat is how often Headed and Tick should come.
func (s *Source) Heartbeat() time.Duration {
	return min(max(s.hello.Heartbeat, minHeartbeat), maxHeartbeat)
}

func (s *Source) open(hello *Hello, held Held) []Action {
	s.hello, s.held = hello, held
	version := min(hello.MaxVersion, MaxVersion)
	if version < max(hello.MinVersion, MinVersion) {
		return s.refuse(CauseVersion, fmt.Sprintf("%s speaks link protocol %d to %d, %s speaks %d to %d: upgrade the older one",
			hello.To, hello.MinVersion, hello.MaxVersion, held.Region, MinVersion, MaxVersion))
	}
	if cause, text := s.objection(); cause != "" {
		return s.refuse(cause, text)
	}
	from := hello.From
	if from == 0 {
		from = max(held.Extent.First, 1)
	}
	codec := None
	for _, name := range hello.Codecs {
		if c, known := ParseCodec(name); known {
			codec = c
			break
		}
	}
	s.state, s.sent, s.applied = sourceStreaming, from-1, from-1
	s.granted, s.unsent = hello.Credit, hello.Unsealed
	if hello.From == 0 {
		s.unsent = geo.BlockOf(from)
	}
	s.noted = s.unsent
	s.passOver(held.Extent)
	welcome := &Welcome{
		Session: hello.Session, Version: version, Holder: held.Region, From: from,
		Head: HeadOf(held.Extent), Codec: codec.String(), Epochs: held.Extent.Epochs,
	}
	return []Action{Send{welcome}, Read{From: from, Codec: codec, Frame: min(max(hello.Frame, minFrame), maxFrame)}}
}

// objection says why the Hello can't be served, or nothing.
func (s *Source) objection() (Cause, string) {
	h, extent := s.hello, s.held.Extent
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
	case !extent.Epochs.Extends(h.Epochs):
		return CauseEpochs, fmt.Sprintf("%s has the epochs %s of %s, %s has %s", s.held.Region, extent.Epochs, h.Log, h.To, h.Epochs)
	case h.From > extent.Last+1:
		return CauseAhead, fmt.Sprintf("%s ends at %d in %s, but %s holds up to %d: %s has lost its tail",
			h.Log, extent.Last, s.held.Region, h.To, h.From-1, s.held.Region)
	case h.From < extent.First:
		return CauseTrimmed, fmt.Sprintf("%s begins at %d in %s: its retention removed %s before %s had it",
			h.Log, extent.First, s.held.Region, geo.Range{First: h.From, Last: extent.First - 1}, h.To)
	case h.Last != nil && s.held.Digest != nil && *h.Last != *s.held.Digest:
		return CauseConflict, fmt.Sprintf("offset %d of %s is one entry in %s and another in %s", h.From-1, h.Log, s.held.Region, h.To)
	}
	return "", ""
}

func (s *Source) receive(m Message) []Action {
	if s.state != sourceStreaming || m.Of() != s.hello.Session {
		return s.refuse(CauseSession, fmt.Sprintf("a %s of another session", m.Kind()))
	}
	s.heard = s.now
	switch m := m.(type) {
	case *Bye:
		s.state = sourceEnded
		return []Action{End{m.Cause.told(), "the sink closed the link"}}
	case *Credit:
		if m.Applied > s.sent {
			return s.refuse(CauseConflict, fmt.Sprintf("%s says it holds offset %d, but was sent only up to %d", s.hello.To, m.Applied, s.sent))
		}
		s.granted, s.applied = max(s.granted, m.Granted), max(s.applied, m.Applied)
		return s.flush()
	}
	return s.refuse(CauseProtocol, fmt.Sprintf("a %s has no place here", m.Kind()))
}

// flush sends the pending frame if the credit allows it. A frame may exceed the
// credit if it travels alone, else one larger than the credit would never go.
func (s *Source) flush() []Action {
	f := s.pending
	if f == nil || s.state != sourceStreaming {
		return nil
	}
	if f.Raw > MaxRaw {
		return s.refuse(CauseRefused, fmt.Sprintf("the entry at offset %d of %s is larger than a link carries (%d bytes): lower the log's max_msg_size at its origin", f.First, s.hello.Log, MaxRaw))
	}
	alone := s.applied == s.sent
	if !alone && s.bytes+uint64(f.Raw) > s.granted {
		return nil
	}
	if f.First != s.sent+1 {
		return s.refuse(CauseGap, fmt.Sprintf("offsets %s of %s are missing in %s and nothing says why: compare its holders with `geomq verify %s`",
			geo.Range{First: s.sent + 1, Last: f.First - 1}, s.hello.Log, s.held.Region, s.hello.Log))
	}
	s.pending = nil
	s.number++
	s.bytes += uint64(f.Raw)
	s.sent = f.Last()
	f.Session, f.Number = s.hello.Session, s.number
	return []Action{Send{f}}
}

func (s *Source) headed(extent geo.Extent) []Action {
	if s.state != sourceStreaming {
		return nil
	}
	s.looking = false
	if extent.Last < s.looked {
		return s.refuse(CauseAhead, fmt.Sprintf("%s ends at %d in %s, but %d was sent from it: it has lost its tail", s.hello.Log, extent.Last, s.held.Region, s.looked))
	}
	s.passOver(extent)
	head := HeadOf(extent)
	head.Last = max(head.Last, s.sent) // the log went on while the extent was under way
	actions := []Action{Send{&Beat{Session: s.hello.Session, Frames: s.number, Sealed: s.noted, Head: head}}}
	return append(actions, s.seek()...)
}

// passOver forgets the seals of blocks that the holder has not any more: nobody
// may ever have sealed them, and looking for them would end at the first gap.
func (s *Source) passOver(extent geo.Extent) {
	s.unsent = max(s.unsent, geo.BlockOf(max(extent.First, 1)))
}

// seek asks for the seals of the blocks that have been sent whole.
func (s *Source) seek() []Action {
	whole := geo.Block(s.sent / geo.BlockSize) // blocks sent to their end
	if s.seeking || s.unsent >= whole {
		return nil
	}
	s.seeking = true
	return []Action{Seek{First: s.unsent, Last: min(whole, s.unsent+sealsAtOnce) - 1}}
}

// sealed sends seals on. A block without a seal is passed over only when a later
// one has been sealed: the origin seals in order and leaves out for good what
// its retention cut into.
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

func (s *Source) tick(now time.Duration) []Action {
	s.now = now
	if s.state != sourceStreaming {
		return nil
	}
	if now-s.heard > patience(s.Heartbeat())+s.Heartbeat() {
		return s.refuse(CauseSilent, fmt.Sprintf("nothing heard from %s for %s", s.hello.To, (now-s.heard).Round(time.Millisecond)))
	}
	if s.looking {
		return nil
	}
	s.looking, s.looked = true, s.sent
	return []Action{Look{}}
}

// refuse ends the session and tells the sink why.
func (s *Source) refuse(cause Cause, text string) []Action {
	s.state = sourceEnded
	if s.hello == nil || cause == CauseLost {
		return []Action{End{cause, text}}
	}
	return []Action{Send{&Refusal{Session: s.hello.Session, Cause: cause, Text: text}}, End{cause, text}}
}
