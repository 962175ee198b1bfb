package events

import (
	"context"
	"maps"
	"sync"

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

// Book holds the newest events. The zero Book is not ready; see NewBook.
type Book struct {
	most int

	mu      sync.Mutex // guards what follows
	events  []Event    // in the order in which they came to be known here
	changed chan struct{}
}

// NewBook returns a Book for so many events.
func NewBook(most int) *Book { return &Book{most: most, changed: make(chan struct{})} }

// Add takes an event and wakes who waits for one.
func (b *Book) Add(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.events) >= b.most {
		b.events = append(b.events[:0], b.events[len(b.events)-b.most/2:]...)
	}
	b.events = append(b.events, e)
	close(b.changed)
	b.changed = make(chan struct{})
}

// After returns the events behind a cursor that wanted lets pass, at most limit
// of them and the oldest first, and the cursor behind them.
func (b *Book) After(c Cursor, limit int, wanted func(Event) bool) ([]Event, Cursor) {
	found, next, _ := b.after(c, limit, wanted)
	return found, next
}

func (b *Book) after(c Cursor, limit int, wanted func(Event) bool) ([]Event, Cursor, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := Cursor{}
	maps.Copy(next, c)
	var found []Event
	for _, e := range b.events {
		if len(found) == limit {
			break
		}
		if e.Offset <= c[e.Origin] {
			continue
		}
		next[e.Origin] = max(next[e.Origin], e.Offset)
		if wanted(e) {
			found = append(found, e)
		}
	}
	return found, next, b.changed
}

// Newest returns the last limit events that wanted lets pass, and the cursor
// behind all.
func (b *Book) Newest(limit int, wanted func(Event) bool) ([]Event, Cursor) {
	found, next := b.After(nil, -1, wanted)
	return found[max(0, len(found)-limit):], next
}

// Wait is After that waits for at least one event, or for the end of ctx.
func (b *Book) Wait(ctx context.Context, c Cursor, limit int, wanted func(Event) bool) ([]Event, Cursor) {
	for {
		found, next, changed := b.after(c, limit, wanted)
		if len(found) > 0 {
			return found, next
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, next
		}
	}
}
