package mirror

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"geomq/geo"
)

// sinkSession drives one Sink. Its goroutines and what they hand on:
//
//	receive ─▶ run (the machine) ─▶ unpack ─▶ apply ─▶ broker
//	                  ▲    └─▶ check                     │
//	                  └──────────── applied ─────────────┘
//
// run never waits for the stages behind it: work is bounded by the credit, and
// the replica's end comes back as the newest value, not as a queue.
type sinkSession struct {
	link    *Link
	log     *slog.Logger
	machine *Sink
	replica Replica
	open    func(ctx context.Context, hello []byte) (Conn, error) // the way to the holder
	conn    Conn

	start    time.Time
	in       chan received
	failures chan Failed
	applied  applied
	recorded atomic.Uint64 // number of the last deletion in the replica
	advanced chan struct{}
	work     *queue[Action] // each an Apply, Leave or Delete
	checks   *queue[geo.Seal]
	trims    chan geo.Offset // the newest Trim that waits, if any
	handed   geo.Offset      // last offset given to the appender; used by its stage alone
	sums     blockSums
	marks    applyMarks
	behind   behind
	headAt   time.Time
	welcome  time.Duration // how long the Welcome took; 0 before it
	end      *End
	group    sync.WaitGroup
}

// run is the only goroutine that touches the machine.
func (s *sinkSession) run(ctx context.Context, stand Stand) End {
	ctx, cancel := context.WithCancel(ctx)
	defer s.group.Wait()
	defer cancel()
	s.start = time.Now()
	s.in, s.failures = make(chan received, 4), make(chan Failed, 4)
	s.advanced = make(chan struct{}, 1)
	s.work, s.checks = newQueue[Action](), newQueue[geo.Seal]()
	s.trims = make(chan geo.Offset, 1)
	defer s.work.close()
	defer s.checks.close()
	s.applied.begin(stand.Last)
	s.recorded.Store(stand.Deletions)
	s.step(ctx, Start{stand})
	if s.end != nil {
		return *s.end
	}
	defer s.conn.Close()
	s.group.Go(func() { receiveAll(ctx, s.conn, s.in) })
	ticker := time.NewTicker(s.link.cfg.Heartbeat)
	defer ticker.Stop()
	answer := time.NewTimer(s.machine.cfg.Answer - time.Since(s.start))
	defer answer.Stop()
	for s.end == nil {
		s.step(ctx, s.next(ctx, ticker.C, answer.C))
		s.publish()
	}
	return *s.end
}

// next waits for what happens next.
func (s *sinkSession) next(ctx context.Context, ticks, answer <-chan time.Time) Event {
	if s.machine.Streaming() {
		answer = nil
	}
	select {
	case <-ctx.Done():
		return Failed{CauseDone, "this node is closing"}
	case r := <-s.in:
		return s.arrived(r)
	case <-s.advanced:
		return Applied{s.applied.end(), s.recorded.Load()}
	case f := <-s.failures:
		return f
	case <-ticks:
		return Tick{time.Since(s.start)}
	case <-answer:
		return Tick{time.Since(s.start)}
	}
}

func (s *sinkSession) arrived(r received) Event {
	s.link.stats.wire.Add(uint64(len(r.data)))
	ev := r.event()
	if received, ok := ev.(Received); ok {
		switch received.Message.(type) {
		case *Welcome, *Beat:
			s.headAt = time.Now()
		}
	}
	return ev
}

func (s *sinkSession) step(ctx context.Context, ev Event) {
	for _, action := range s.machine.Step(ev) {
		if failed := s.do(ctx, action); failed != nil {
			s.step(ctx, *failed)
			return
		}
	}
}

// do carries out one action of the machine.
func (s *sinkSession) do(ctx context.Context, action Action) *Failed {
	switch a := action.(type) {
	case Send:
		return s.send(ctx, a.Message)
	case Adopt:
		return s.adopt(ctx, a)
	case Renew:
		if failed := s.renew(ctx, a); failed != nil {
			return failed
		}
		s.step(ctx, Renewed{})
	case Apply:
		s.link.stats.frames.Add(1)
		s.link.stats.raw.Add(uint64(a.Frame.Raw))
		s.work.put(a)
	case Leave, Delete:
		s.work.put(a)
	case Check:
		s.checks.put(a.Seal)
	case Trim:
		select {
		case <-s.trims: // a newer one takes its place
		default:
		}
		s.trims <- a.First
	case End:
		s.end = &a
	}
	return nil
}

func (s *sinkSession) send(ctx context.Context, m Message) *Failed {
	if s.conn == nil {
		return s.dial(ctx, m)
	}
	limit := patience(s.link.cfg.Heartbeat)
	if m.Kind() == KindBye { // also of a session whose context has ended
		ctx, limit = context.WithoutCancel(ctx), farewell
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := s.conn.Send(ctx, Encode(nil, m))
	if err != nil && m.Kind() != KindBye {
		return &Failed{CauseLost, err.Error()}
	}
	return nil
}

func (s *sinkSession) dial(ctx context.Context, hello Message) *Failed {
	ctx, cancel := context.WithTimeout(ctx, s.machine.cfg.Answer)
	defer cancel()
	conn, err := s.open(ctx, Encode(nil, hello))
	if err != nil {
		s.conn = deadConn{err}
		if errors.Is(err, ErrNoSource) {
			return &Failed{CauseAnswering, err.Error()}
		}
		return &Failed{CauseLost, err.Error()}
	}
	s.conn = conn
	if timed, ok := conn.(RoundTripper); ok {
		s.link.mu.Lock()
		defer s.link.mu.Unlock()
		s.link.status.RoundTrip = timed.RoundTrip()
	}
	return nil
}

// deadConn stands in for a connection that could not be opened.
type deadConn struct{ err error }

func (d deadConn) Send(context.Context, []byte) error      { return d.err }
func (d deadConn) Receive(context.Context) ([]byte, error) { return nil, d.err }
func (d deadConn) Close() error                            { return nil }

// trimAll removes from the replica what its origin has removed. It is a stage of
// its own since a broker may take long over it.
func (s *sinkSession) trimAll(ctx context.Context) {
	for {
		select {
		case first := <-s.trims:
			if err := s.replica.Trim(ctx, first); err != nil && ctx.Err() == nil {
				s.log.Warn("could not trim the replica to its origin's first offset; it keeps more than it must", "first", first, "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (s *sinkSession) wake() {
	select {
	case s.advanced <- struct{}{}:
	default: // the machine will read the newest value
	}
}

// fail passes on the first failures; more would tell nothing new.
func (s *sinkSession) fail(failed Failed) {
	select {
	case s.failures <- failed:
	default:
	}
}

// publish shows the session's state to Status.
func (s *sinkSession) publish() {
	head, fresh := s.machine.Head()
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.HeadAt = s.headAt
	l.status.Head, l.status.Fresh, l.status.Used = head, fresh, s.machine.UnderWay()
	l.status.Applied = s.applied.end()
	s.behind.update(head.Last, l.status.Applied, time.Now())
	l.status.Behind = s.behind.since
}
