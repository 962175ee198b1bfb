package mirror

import (
	"fmt"
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
	hello   *Hello
	held    Held
	state   sourceState
	version int

	now, heard time.Duration // since the session began

	number  uint64     // of the last frame, hole or deletion sent
	sent    geo.Offset // last offset sent
	bytes   uint64     // uncompressed bytes sent in all
	granted uint64
	pending *Frame

	looking bool
	looked  geo.Offset // last offset sent when the last Look was given
	again   bool       // a jump was met while looking: look again, and judge by that
	judging bool       // the Look under way began behind the jump that waits
	judged  bool       // it is answered

	known holes
	notes []geo.Deletion // known and not yet sent
	told  uint64         // number of the last deletion sent or in notes
	more  bool           // there may be further ones behind it already

	unsent  geo.Block // first block whose seal may yet have to be sent
	noted   geo.Block // first block that no SealNote has covered
	seeking bool

	still   standstill
	missing *geo.Range // why it refuses, if offsets are missing
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
		return s.flush(nil)
	case Headed:
		return s.headed(ev.Extent, ev.Deletions)
	case Sealed:
		return s.sealed(ev.Seals)
	case Brought:
		s.still.brought = ev.Batches
	case Tick:
		return s.tick(ev.Now)
	case Failed:
		return s.refuse(nil, ev.Cause, ev.Text)
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

func (s *Source) receive(m Message) []Action {
	if s.state != sourceStreaming || m.Of() != s.hello.Session {
		return s.refuse(nil, CauseSession, fmt.Sprintf("a %s of another session", m.Kind()))
	}
	s.heard = s.now
	switch m := m.(type) {
	case *Bye:
		s.state = sourceEnded
		return []Action{End{Cause: m.Cause.told(), Text: "the sink closed the link"}}
	case *Credit:
		if m.Applied > s.sent {
			return s.refuse(nil, CauseConflict, fmt.Sprintf("%s says it holds offset %d, but was sent only up to %d", s.hello.To, m.Applied, s.sent))
		}
		s.granted = max(s.granted, m.Granted)
		return s.flush(nil)
	}
	return s.refuse(nil, CauseProtocol, fmt.Sprintf("a %s has no place here", m.Kind()))
}

func (s *Source) tick(now time.Duration) []Action {
	s.now = now
	if s.state != sourceStreaming {
		return nil
	}
	if now-s.heard > patience(s.Heartbeat())+s.Heartbeat() {
		return s.refuse(nil, CauseSilent, fmt.Sprintf("nothing heard from %s for %s", s.hello.To, (now-s.heard).Round(time.Millisecond)))
	}
	if s.looking {
		return nil
	}
	return s.look(nil)
}

// look appends a Look to actions; only one is under way at a time.
func (s *Source) look(actions []Action) []Action {
	s.looking, s.looked = true, s.sent
	return append(actions, Look{After: s.told})
}

// headed takes in what a Look has found.
func (s *Source) headed(extent geo.Extent, deletions []geo.Deletion) []Action {
	if s.state != sourceStreaming {
		return nil
	}
	s.looking = false
	if extent.Epochs.String() != s.held.Extent.Epochs.String() {
		return s.refuse(nil, CauseDone, fmt.Sprintf("the epochs of %s are now %s in %s", s.hello.Log, extent.Epochs, s.held.Region))
	}
	if extent.Last < s.looked {
		return s.refuse(nil, CauseAhead, fmt.Sprintf("%s ends at %d in %s, but %d was sent from it: it has lost its tail", s.hello.Log, extent.Last, s.held.Region, s.looked))
	}
	s.held.Extent = extent
	s.learn(deletions)
	s.passOver(extent)
	head := HeadOf(extent)
	head.Last = max(head.Last, s.sent) // the log went on while the extent was under way
	s.judged, s.judging = s.judging, false
	actions := []Action{Send{&Beat{Session: s.hello.Session, Frames: s.number, Sealed: s.noted, Head: head}}}
	if actions = s.unstick(s.announce(s.flush(actions))); s.state != sourceStreaming {
		return actions
	}
	if s.again {
		s.again, s.judging = false, true
		actions = s.look(actions)
	}
	return append(actions, s.seek()...)
}

// refuse ends the session and tells the sink why.
func (s *Source) refuse(actions []Action, cause Cause, text string) []Action {
	s.state = sourceEnded
	if s.hello != nil && cause != CauseLost {
		actions = append(actions, Send{&Refusal{Session: s.hello.Session, Cause: cause, Text: text, Missing: s.missing}})
	}
	return append(actions, End{Cause: cause, Text: text, Missing: s.missing})
}
