package mirror

import (
	"sync"
	"time"

	"geomq/geo"
)

// applyMarks remembers the origin times of entries that have been handed to the
// broker, one per frame, until the replica has reached them. It is safe for
// concurrent use.
type applyMarks struct {
	mu    sync.Mutex
	marks []applyMark // ascending
}

type applyMark struct {
	offset geo.Offset
	time   int64
}

func (m *applyMarks) put(offset geo.Offset, time int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.marks = append(m.marks, applyMark{offset, time})
}

// take returns the time of the newest mark up to last and forgets it and those
// before it.
func (m *applyMarks) take(last geo.Offset) (time int64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.marks) > 0 && m.marks[0].offset <= last {
		time, ok = m.marks[0].time, true
		m.marks = m.marks[1:]
	}
	return time, ok
}

// behind remembers since when something is known that the replica lacks.
type behind struct {
	head  geo.Offset // known at since, and not applied yet
	since time.Time
}

// update takes in the holder's end and the replica's as known now.
func (b *behind) update(head, applied geo.Offset, now time.Time) {
	switch {
	case head <= applied:
		*b = behind{}
	case b.since.IsZero() || applied >= b.head:
		*b = behind{head: head, since: now}
	}
}
