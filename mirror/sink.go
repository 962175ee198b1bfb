package mirror

import (
	"fmt"
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
	cfg     SinkConfig
	state   sinkState
	stand   Stand
	version int
	holder  geo.Region

	now, heard, told time.Duration // since the session began

	nextFrame uint64     // number of the frame, hole or deletion to come
	handed    geo.Offset // last offset given out by Apply or Leave
	applied   geo.Offset // last offset known to be in the replica
	known     holes
	deletions uint64 // number of the last deletion given out
	recorded  uint64 // number of the last deletion known to be in the replica
	waiting   []handedBytes
	received  uint64 // uncompressed bytes received in all
	freed     uint64 // of these, applied
	granted   uint64 // last grant told to the source

	head    Head
	headAt  time.Duration
	trimmed geo.Offset
	seals   []geo.Seal // in ascending order, of blocks not yet applied whole
	noted   geo.Block  // first block that no SealNote has covered

	missing *geo.Range // what the source said that it can't give
}

type sinkState int

const (
	sinkIdle sinkState = iota
	sinkAsking
	sinkRenewing
	sinkStreaming
	sinkEnded
)

// handedBytes are those of a frame that ends at last, or of a deletion.
type handedBytes struct {
	last     geo.Offset
	deletion uint64 // its number; 0 for a frame
	raw      uint64
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
		return s.advance(ev.Last, ev.Deletions)
	case Tick:
		return s.tick(ev.Now)
	case Renewed:
		return s.renewed()
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

func (s *Sink) receive(m Message) []Action {
	if m.Of() != s.cfg.Session {
		return s.end(CauseSession, fmt.Sprintf("a %s of another session", m.Kind()))
	}
	s.heard = s.now
	switch m := m.(type) {
	case *Refusal:
		s.missing = m.Missing
		return s.end(m.Cause.told(), m.Text)
	case *Bye:
		return s.end(m.Cause.told(), "the source closed the link")
	case *Welcome:
		if s.state == sinkAsking {
			return s.welcome(m)
		}
	default:
		if s.state == sinkStreaming {
			return s.stream(m)
		}
	}
	return s.misplaced(m)
}

// stream takes a message that has a place only behind the Welcome.
func (s *Sink) stream(m Message) []Action {
	switch m := m.(type) {
	case *Frame:
		return s.frame(m)
	case *SealNote:
		return s.seal(m)
	case *Beat:
		return s.beat(m)
	case *Hole:
		if s.version > 1 {
			return s.hole(m)
		}
	case *DeletionNote:
		if s.version > 1 {
			return s.deletion(m)
		}
	}
	return s.misplaced(m)
}

func (s *Sink) misplaced(m Message) []Action {
	return s.end(CauseProtocol, fmt.Sprintf("a %s has no place here", m.Kind()))
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
		return []Action{End{Cause: cause, Text: text}}
	}
	return []Action{Send{&Bye{Session: s.cfg.Session, Cause: cause}}, End{Cause: cause, Text: text, Missing: s.missing}}
}
