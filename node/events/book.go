package events

import (
	"maps"
	"slices"
	"sync"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/control"
)

// Event is one record of a control log.
type Event struct {
	control.Record
	// Origin is whose control log it stands in, and Offset where.
	Origin geo.Region
	Offset geo.Offset
}

// Book holds the newest events, in the order in which they came to be known here.
type Book struct {
	most int

	mu     sync.Mutex // guards what follows
	events []Event    // in the order in which they came to be known here
}

// NewBook returns a Book for so many events.
func NewBook(most int) *Book { return &Book{most: most} }

// Add takes an event. Those of one origin come in the order of their offsets.
func (b *Book) Add(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.events) >= b.most {
		b.events = append(b.events[:0], b.events[len(b.events)-b.most/2:]...)
	}
	b.events = append(b.events, e)
}

// Forget drops the events of a control log that is going to be read again.
func (b *Book) Forget(origin geo.Region) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = slices.DeleteFunc(b.events, func(e Event) bool { return e.Origin == origin })
}

// After returns the events behind a cursor, at most limit of them and the oldest
// first, and the cursor behind them; more tells that there are others.
func (b *Book) After(c admin.EventCursor, limit int) (found []Event, next admin.EventCursor, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next = admin.EventCursor{}
	maps.Copy(next, c)
	for _, e := range b.events {
		if e.Offset <= c[e.Origin] {
			continue
		}
		if len(found) == limit {
			return found, next, true
		}
		next[e.Origin] = max(next[e.Origin], e.Offset)
		found = append(found, e)
	}
	return found, next, false
}
