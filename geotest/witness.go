package geotest

import (
	"time"

	"geomq/geo"
)

// witness knows what one region has shown of a log, and from when that is: what is
// later is what the region loses first.
type witness struct {
	shown geo.Ranges
	past  []mark // oldest first
}

// mark is how far it was at some time.
type mark struct {
	at  time.Time
	end geo.Offset
}

const (
	markEvery = 100 * time.Millisecond
	maxMarks  = 2 * int(memory/markEvery)
)

func (h *History) witness(region string) *witness {
	w := h.shown[region]
	if w == nil {
		w = &witness{}
		h.shown[region] = w
	}
	return w
}

// saw takes offsets mostly in order, and again from the beginning now and then.
func (w *witness) saw(offset geo.Offset, now time.Time) {
	switch n := len(w.shown); {
	case w.shown.Contains(offset):
		return
	case n > 0 && w.shown[n-1].Last+1 == offset:
		w.shown[n-1].Last = offset
	default:
		w.shown = w.shown.Add(geo.Range{First: offset, Last: offset})
	}
	end := w.shown[len(w.shown)-1].Last
	if n := len(w.past); n > 0 && now.Sub(w.past[n-1].at) < markEvery {
		w.past[n-1].end = end
		return
	}
	w.past = append(w.past, mark{now, end})
	if len(w.past) > maxMarks {
		w.past = append(w.past[:0], w.past[len(w.past)-maxMarks/2:]...)
	}
}

// harmed takes back what was shown after since. A mark may hold what came
// markEvery later.
func (w *witness) harmed(since time.Time) {
	for len(w.past) > 0 && w.past[len(w.past)-1].at.After(since.Add(-markEvery)) {
		w.past = w.past[:len(w.past)-1]
	}
	left := geo.Range{First: 1}
	if n := len(w.past); n > 0 {
		left.Last = w.past[n-1].end
	}
	w.shown = w.shown.Intersect(left)
}

// Harmed notes that region's disk may have lost what came after since; the zero
// time stands for all of it. What no other region has shown by then, and came
// later, may be gone for good.
func (h *History) Harmed(region string, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w := h.shown[region]; w != nil {
		w.harmed(since)
	}
}

// safe tells whether some region has shown offset and not been harmed since: then
// it must still be somewhere.
func (h *History) safe(offset uint64) bool {
	for _, w := range h.shown {
		if w.shown.Contains(geo.Offset(offset)) {
			return true
		}
	}
	return false
}
