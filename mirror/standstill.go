package mirror

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// stillPatience is how long a holder's reader may bring nothing although its log
// goes on. It is longer than a broker's reader takes to notice that its server
// says nothing at all, and than any question that a proof asks in between.
const stillPatience = 20 * time.Second

// Brought tells a source how often the reader of its log has brought something
// since the session began. It comes with each look.
type Brought struct{ Batches uint64 }

func (Brought) event() {}

// standstill is for how long a session has had nothing to send although its log
// goes on. Beats go out meanwhile, so that nobody else would notice.
type standstill struct {
	brought uint64 // as the reader says
	known   uint64 // as it was when since was set
	waiting bool
	since   time.Duration
}

// look takes note of whether more is due, and tells whether it has been for too
// long.
func (s *standstill) look(now time.Duration, due bool) bool {
	if !due || !s.waiting || s.brought != s.known {
		s.waiting, s.since, s.known = due, now, s.brought
		return false
	}
	return now-s.since >= stillPatience
}

// unstick ends a session whose reader brings nothing: the next one reads anew.
// What retention has removed meanwhile can't come any more.
func (s *Source) unstick(actions []Action) []Action {
	last, first := s.held.Extent.Last, s.held.Extent.First
	due := s.state == sourceStreaming && s.pending == nil && len(s.notes) == 0 && !s.more && last > s.sent
	switch {
	case !s.still.look(s.now, due):
		return actions
	case first > s.sent+1:
		if _, left := s.known.explain(geo.Range{First: s.sent + 1, Last: first - 1}); left.Len() > 0 {
			return s.lack(actions, left)
		}
	}
	return s.refuse(actions, CauseLocal, fmt.Sprintf("nothing behind offset %d of %s was read in %s for %s although it ends at %d: reading it anew",
		s.sent, s.hello.Log, s.held.Region, stillPatience, last))
}

// countedLog counts what its readers bring.
type countedLog struct {
	HeldLog
	brought *atomic.Uint64
}

func (l countedLog) Read(ctx context.Context, from geo.Offset) (Reader, error) {
	reader, err := l.HeldLog.Read(ctx, from)
	if err != nil {
		return nil, err
	}
	return countedReader{reader, l.brought}, nil
}

type countedReader struct {
	Reader
	brought *atomic.Uint64
}

func (r countedReader) Next(ctx context.Context) ([]entry.Entry, error) {
	entries, err := r.Reader.Next(ctx)
	if len(entries) > 0 {
		r.brought.Add(1)
	}
	return entries, err
}
