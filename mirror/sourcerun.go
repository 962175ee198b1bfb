package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// farewell bounds how long telling the peer why a session ends may take.
const farewell = 250 * time.Millisecond

// sourceSession drives one Source.
type sourceSession struct {
	machine *Source
	conn    Conn
	held    HeldLog
	proof   ProveConfig // how held is read
	log     *slog.Logger

	start  time.Time
	in     chan received
	frames chan *Frame
	events chan Event // what the goroutines of the session have found
	looks  chan Look
	seeks  chan Seek
	// brought is how often the log's reader has brought something.
	brought atomic.Uint64
	ended   bool
	group   sync.WaitGroup
}

type received struct {
	data []byte
	err  error
}

func (s *sourceSession) wait() { s.group.Wait() }

// run is the only goroutine that touches the machine.
func (s *sourceSession) run(ctx context.Context, opened Opened) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.start = time.Now()
	s.in, s.frames = make(chan received, 16), make(chan *Frame, 1)
	s.events, s.seeks = make(chan Event, 8), make(chan Seek, 1)
	s.looks = make(chan Look, 1)
	s.step(ctx, opened)
	if s.ended {
		return
	}
	s.group.Go(func() { receiveAll(ctx, s.conn, s.in) })
	s.group.Go(func() { s.watch(ctx) })
	ticker := time.NewTicker(s.machine.Heartbeat())
	defer ticker.Stop()
	for !s.ended {
		var frames chan *Frame
		if s.machine.Wants() {
			frames = s.frames
		}
		select {
		case <-ctx.Done():
			s.step(context.WithoutCancel(ctx), Failed{CauseDone, "the source's node is closing"})
		case r := <-s.in:
			s.step(ctx, r.event())
		case f := <-frames:
			s.step(ctx, Packed{f})
		case ev := <-s.events:
			s.step(ctx, ev)
		case <-ticker.C:
			s.step(ctx, Tick{time.Since(s.start)})
		}
	}
}

// event turns what came from the connection into an event.
func (r received) event() Event {
	switch {
	case errors.Is(r.err, ErrNoSource):
		return Failed{CauseAnswering, "no geomq source answers there"}
	case r.err != nil:
		return Failed{CauseLost, r.err.Error()}
	}
	m, err := Decode(r.data)
	if err != nil {
		return Failed{CauseDamaged, err.Error()}
	}
	return Received{m}
}

func receiveAll(ctx context.Context, conn Conn, in chan<- received) {
	for {
		data, err := conn.Receive(ctx)
		select {
		case in <- received{data, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (s *sourceSession) step(ctx context.Context, ev Event) {
	for _, action := range s.machine.Step(ev) {
		switch a := action.(type) {
		case Send:
			if failed := s.send(ctx, a.Message); failed != nil {
				s.step(ctx, *failed)
				return
			}
		case Read:
			s.group.Go(func() { s.read(ctx, a) })
		case Look:
			s.looks <- a // the machine asks again only after an answer
		case Seek:
			s.seeks <- a // and so here
		case End:
			s.ended = true
			level := slog.LevelInfo
			if a.Cause.Halts() {
				level = slog.LevelWarn
			}
			s.log.Log(ctx, level, "link ended at its source", "cause", a.Cause, "reason", a.Text)
		}
	}
}

// send gives up on a peer that takes nothing for as long as it may be silent.
// That a refusal did not arrive changes nothing: the session is over.
func (s *sourceSession) send(ctx context.Context, m Message) *Failed {
	limit := patience(s.machine.Heartbeat())
	if m.Kind() == KindRefusal {
		limit = farewell
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := s.conn.Send(ctx, Encode(nil, m)); err != nil && m.Kind() != KindRefusal {
		return &Failed{CauseLost, err.Error()}
	}
	return nil
}

// watch answers the machine's questions to the holder's broker.
func (s *sourceSession) watch(ctx context.Context) {
	for {
		var ev Event
		select {
		case <-ctx.Done():
			return
		case seek := <-s.seeks:
			seals, err := s.held.Seals(ctx, seek.First, seek.Last)
			if err != nil {
				s.log.Warn("could not read seals, trying again", "error", err)
			}
			ev = Sealed{seals}
		case look := <-s.looks:
			s.report(ctx, Brought{s.brought.Load()})
			ev = s.look(ctx, look)
		}
		s.report(ctx, ev)
	}
}

// look asks for the deletions last: one is recorded before its entries go.
func (s *sourceSession) look(ctx context.Context, look Look) Event {
	extent, err := s.held.Extent(ctx)
	if err != nil {
		return Failed{CauseLocal, fmt.Sprintf("the holder's own broker does not say where the log ends: %v", err)}
	}
	deletions, err := s.held.Deletions(ctx, look.After)
	if err != nil {
		return Failed{CauseLocal, fmt.Sprintf("the holder's own broker does not tell of deletions: %v", err)}
	}
	return Headed{extent, deletions}
}

func (s *sourceSession) report(ctx context.Context, ev Event) {
	select {
	case s.events <- ev:
	case <-ctx.Done():
	}
}

// read packs the log from a.From on into frames, for ever.
func (s *sourceSession) read(ctx context.Context, a Read) {
	proof := s.proof
	proof.Held = countedLog{proof.Held, &s.brought}
	reader, err := Prove(ctx, proof, a.From)
	if err != nil {
		s.report(ctx, unread(err))
		return
	}
	defer reader.Close()
	p := &packing{reader: reader, next: a.From, codec: a.Codec, size: a.Frame, out: s.frames}
	defer p.packer.Close()
	err = p.run(ctx)
	if ctx.Err() == nil {
		s.report(ctx, unread(err))
	}
}

// unread is why a session ends whose reader failed. A reader that won't give
// out what is there, because it can't be proved, says by its error what that is
// to a link.
func unread(err error) Failed {
	var cause interface{ Cause() Cause }
	if errors.As(err, &cause) {
		return Failed{cause.Cause(), err.Error()}
	}
	return Failed{CauseLocal, err.Error()}
}
