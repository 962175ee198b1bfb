package mirror

import (
	"fmt"
	"slices"
	"time"

	"geomq/geo"
)

// silentBeats is after how many heartbeats without a word a peer counts as
// gone.
const silentBeats = 3

// SinkConfig is what a sink brings to a session.
type SinkConfig struct {
	Session   Session
	Log       geo.CommitLog
	To        geo.Region
	MaxEntry  int64  // bytes of header and body that the replica can hold
	Credit    uint64 // uncompressed bytes that may be under way
	Frame     int    // uncompressed bytes wanted per frame
	Codecs    []string
	Heartbeat time.Duration
	// Answer is how long a Welcome may take.
	Answer time.Duration
}

// Sink is the receiving side of one session, as a pure state machine. It is
// used by one goroutine.
type Sink struct {
	cfg   SinkConfig
	state sinkState
	stand Stand

	now, heard, told time.Duration // since the session began

	nextFrame uint64     // number of the frame to come
	handed    geo.Offset // last offset given out by Apply
	applied   geo.Offset // last offset known to be in the replica
	waiting   []handedFrame
	received  uint64 // uncompressed bytes received in all
	freed     uint64 // of these, applied
	granted   uint64 // last grant told to the source

	head    Head
	headAt  time.Duration
	trimmed geo.Offset
	seals   []geo.Seal // in ascending order, of blocks not yet applied whole
	noted   geo.Block  // first block that no SealNote has covered
}

type sinkState int

const (
	sinkIdle sinkState = iota
	sinkAsking
	sinkStreaming
	sinkEnded
)

type handedFrame struct {
	last geo.Offset
	raw  uint64
}

// NewSink returns a Sink that waits for Start.
func NewSink(cfg SinkConfig) *Sink { return &Sink{cfg: cfg, nextFrame: 1} }

// Step takes one event and returns what to do. After an End nothing follows.
func (s *Sink) Step(ev Event) []Action {
	if s.state == sinkEnded {
		return nil
	}
	switch ev := ev.(type) {
	case Start:
		return s.start(ev.Stand)
	case Received:
		return s.receive(ev.Message)
	case Applied:
		return s.advance(ev.Last)
	case Tick:
		return s.tick(ev.Now)
	case Failed:
		return s.end(ev.Cause, ev.Text)
	}
	return nil
}

// Streaming tells whether frames may come.
func (s *Sink) Streaming() bool { return s.state == sinkStreaming }

// Head is what the holder last said of its end; fresh is false where that is
// too long ago, or never was, to say anything about a lag.
func (s *Sink) Head() (head Head, fresh bool) {
	return s.head, s.state == sinkStreaming && s.now-s.headAt <= patience(s.cfg.Heartbeat)
}

// UnderWay is how many uncompressed bytes have been received and not applied.
func (s *Sink) UnderWay() uint64 { return s.received - s.freed }

// patience is how long a peer that beats every heartbeat may be silent.
func patience(heartbeat time.Duration) time.Duration { return max(silentBeats*heartbeat, time.Second) }

func (s *Sink) start(stand Stand) []Action {
	s.state, s.stand = sinkAsking, stand
	hello := &Hello{
		Session: s.cfg.Session, MinVersion: MinVersion, MaxVersion: MaxVersion,
		Log: s.cfg.Log.Stream(), To: s.cfg.To, Credit: s.cfg.Credit, Frame: s.cfg.Frame,
		Codecs: s.cfg.Codecs, Heartbeat: s.cfg.Heartbeat, Unsealed: stand.Unsealed, MaxEntry: s.cfg.MaxEntry,
	}
	if stand.Exists {
		hello.From, hello.Last, hello.Epochs = stand.Last+1, stand.Digest, stand.Epochs
	}
	return []Action{Send{hello}}
}

func (s *Sink) receive(m Message) []Action {
	if m.Of() != s.cfg.Session {
		return s.end(CauseSession, fmt.Sprintf("a %s of another session", m.Kind()))
	}
	s.heard = s.now
	switch m := m.(type) {
	case *Refusal:
		return s.end(m.Cause.told(), m.Text)
	case *Bye:
		return s.end(m.Cause.told(), "the source closed the link")
	case *Welcome:
		if s.state == sinkAsking {
			return s.welcome(m)
		}
	case *Frame:
		if s.state == sinkStreaming {
			return s.frame(m)
		}
	case *SealNote:
		if s.state == sinkStreaming {
			return s.seal(m)
		}
	case *Beat:
		if s.state == sinkStreaming {
			return s.beat(m)
		}
	}
	return s.end(CauseProtocol, fmt.Sprintf("a %s has no place here", m.Kind()))
}

func (s *Sink) welcome(m *Welcome) []Action {
	if m.Version < MinVersion || m.Version > MaxVersion {
		return s.end(CauseVersion, fmt.Sprintf("%s answers in protocol version %d, this node speaks %d to %d", m.Holder, m.Version, MinVersion, MaxVersion))
	}
	if m.Codec != None.String() && !slices.Contains(s.cfg.Codecs, m.Codec) {
		return s.end(CauseProtocol, fmt.Sprintf("%s wants to compress by %q", m.Holder, m.Codec))
	}
	if err := m.Epochs.Validate(); err != nil {
		return s.end(CauseEpochs, fmt.Sprintf("%s: %v", m.Holder, err))
	}
	if s.stand.Exists && (m.From != s.stand.Last+1 || m.Epochs.String() != s.stand.Epochs.String()) {
		return s.end(CauseEpochs, fmt.Sprintf("%s has epochs %s and would go on at %d; the replica has epochs %s and ends at %d",
			m.Holder, m.Epochs, m.From, s.stand.Epochs, s.stand.Last))
	}
	if m.From == 0 || m.From < m.Head.First {
		return s.end(CauseProtocol, fmt.Sprintf("%s would begin at offset %d, but has the log from %d on", m.Holder, m.From, m.Head.First))
	}
	if m.From-1 > m.Head.Last {
		return s.end(CauseAhead, fmt.Sprintf("%s would go on at offset %d, but ends at %d", m.Holder, m.From, m.Head.Last))
	}
	s.state = sinkStreaming
	s.handed, s.applied = m.From-1, m.From-1
	s.granted, s.noted = s.cfg.Credit, s.stand.Unsealed
	if !s.stand.Exists {
		s.noted, s.trimmed = geo.BlockOf(m.From), m.From
	}
	s.head, s.headAt = m.Head, s.now
	actions := []Action{Adopt{From: m.From, Epochs: m.Epochs, Exists: s.stand.Exists}}
	return append(append(actions, s.trim()...), s.tell())
}

func (s *Sink) frame(f *Frame) []Action {
	switch {
	case f.Number != s.nextFrame:
		return s.end(CauseNumber, fmt.Sprintf("frame %d came where %d was due", f.Number, s.nextFrame))
	case f.Raw > MaxRaw:
		return s.end(CauseDamaged, fmt.Sprintf("frame %d claims %d bytes, at most %d are allowed", f.Number, f.Raw, MaxRaw))
	case f.First > s.handed+1:
		return s.end(CauseOffset, fmt.Sprintf("frame %d begins at %d, the replica needs %d", f.Number, f.First, s.handed+1))
	case s.UnderWay() > 0 && s.received+uint64(f.Raw) > s.granted:
		return s.end(CauseCredit, fmt.Sprintf("frame %d is beyond the credit by %d bytes", f.Number, s.received+uint64(f.Raw)-s.granted))
	}
	s.nextFrame++
	s.received += uint64(f.Raw)
	skip := uint32(min(s.handed+1-f.First, geo.Offset(f.Count)))
	s.handed = max(s.handed, f.Last())
	s.waiting = append(s.waiting, handedFrame{last: f.Last(), raw: uint64(f.Raw)})
	return []Action{Apply{Frame: f, Skip: skip}}
}

func (s *Sink) advance(last geo.Offset) []Action {
	if s.state != sinkStreaming {
		return nil
	}
	if last > s.handed {
		return s.end(CauseConflict, fmt.Sprintf("the replica shows offset %d, but only %d was written by this link: somebody else writes to it", last, s.handed))
	}
	s.applied = max(s.applied, last)
	done := 0
	for done < len(s.waiting) && s.waiting[done].last <= s.applied {
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

// trim follows the origin's retention, as far as the replica has come.
func (s *Sink) trim() []Action {
	first := min(s.head.First, s.applied+1)
	if first <= max(s.trimmed, 1) {
		return nil
	}
	s.trimmed = first
	return []Action{Trim{First: first}}
}

func (s *Sink) tick(now time.Duration) []Action {
	s.now = now
	if s.state == sinkIdle {
		return nil
	}
	if s.state == sinkAsking && now >= s.cfg.Answer {
		return s.end(CauseSilent, fmt.Sprintf("no answer within %s", now.Round(time.Millisecond)))
	}
	if now-s.heard > patience(s.cfg.Heartbeat) {
		return s.end(CauseSilent, fmt.Sprintf("nothing heard for %s", (now-s.heard).Round(time.Millisecond)))
	}
	// Ticks come a heartbeat apart, give or take; half of one tells a word of
	// this heartbeat from one of the last.
	if s.state == sinkStreaming && now-s.told > s.cfg.Heartbeat/2 {
		return []Action{s.tell()}
	}
	return nil
}

// tell is the sink's heartbeat with its present grant.
func (s *Sink) tell() Action {
	s.told = s.now
	s.granted = s.freed + s.cfg.Credit
	return Send{&Credit{Session: s.cfg.Session, Granted: s.granted, Applied: s.applied}}
}

func (s *Sink) end(cause Cause, text string) []Action {
	heard := s.state != sinkIdle && cause != CauseLost
	s.state = sinkEnded
	if !heard {
		return []Action{End{cause, text}}
	}
	return []Action{Send{&Bye{Session: s.cfg.Session, Cause: cause}}, End{cause, text}}
}
