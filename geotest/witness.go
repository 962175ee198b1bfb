package geotest

import "time"

// witness knows how far one region has shown a log. Readers see a log in order,
// so it is one number, and its past for when the region loses its newest.
type witness struct {
	end  uint64
	past []mark // oldest first
}

// mark is how far it was at some time.
type mark struct {
	at  time.Time
	end uint64
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

func (w *witness) saw(offset uint64, now time.Time) {
	w.end = max(w.end, offset)
	if n := len(w.past); n > 0 && now.Sub(w.past[n-1].at) < markEvery {
		w.past[n-1].end = w.end
		return
	}
	w.past = append(w.past, mark{now, w.end})
	if len(w.past) > maxMarks {
		w.past = append(w.past[:0], w.past[len(w.past)-maxMarks/2:]...)
	}
}

// harmed takes back what was shown after since. A mark may hold what came
// markEvery later.
func (w *witness) harmed(since time.Time) {
	w.end = 0
	for len(w.past) > 0 && w.past[len(w.past)-1].at.After(since.Add(-markEvery)) {
		w.past = w.past[:len(w.past)-1]
	}
	if n := len(w.past); n > 0 {
		w.end = w.past[n-1].end
	}
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
		if w.end >= offset {
			return true
		}
	}
	return false
}
