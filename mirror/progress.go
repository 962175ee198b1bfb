package mirror

import (
	"context"
	"errors"
	"sync"

	"geomq/geo"
)

// applied is how far a session's replica has come. It is safe for concurrent
// use; one goroutine at a time may wait.
type applied struct {
	mu    sync.Mutex
	last  geo.Offset
	hole  geo.Range     // being made, or made last
	moved chan struct{} // 1: last has grown since it was taken
}

// begin sets the end that a session finds.
func (a *applied) begin(last geo.Offset) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = last
	if a.moved == nil {
		a.moved = make(chan struct{}, 1)
	}
}

func (a *applied) end() geo.Offset {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

// over says that r is about to become a hole.
func (a *applied) over(r geo.Range) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hole = r
}

// grow takes note of a new end and returns how many entries that brings.
func (a *applied) grow(last geo.Offset) (entries uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := geo.Range{First: a.last + 1, Last: last}
	if r.Len() == 0 { // told late
		return 0
	}
	a.last = last
	select {
	case a.moved <- struct{}{}:
	default:
	}
	return r.Len() - r.Intersect(a.hole).Len()
}

// errAppender says that an appender has ended without an error of its own.
var errAppender = errors.New("the appender has ended")

// await waits until the replica has reached offset, or appender has failed.
func (a *applied) await(ctx context.Context, appender Appender, offset geo.Offset) error {
	for a.end() < offset {
		select {
		case <-a.moved:
		case <-appender.Done():
			return errors.Join(errAppender, appender.Err())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// advance takes note of the replica's new end.
func (s *sinkSession) advance(last geo.Offset) {
	s.link.stats.entries.Add(s.applied.grow(last))
	if when, ok := s.marks.take(last); ok {
		s.link.mu.Lock()
		s.link.status.AppliedTime = when
		s.link.mu.Unlock()
	}
	s.wake()
}
