package importer

import (
	"time"

	"geomq/geo"
)

// parcel is a line between being read and being settled: acknowledged, found in
// the log, or refused for good.
type parcel struct {
	serial  int64
	line    int
	subject string
	body    []byte
	// behind: no copy of the line can lie at or before this offset.
	behind geo.Offset
	// absentAt: at this moment no copy was in the log. It is the time of the
	// first sending, later that of the last search.
	absentAt time.Time
	sends    int
	// attempt is the one that sent it last, 0 before.
	attempt int64
	refused bool // in that attempt
	settled bool
	// overtaken: a later line of the same subject is settled.
	overtaken bool
}

// flight holds the parcels in the order of their lines. It is a pure data
// structure. Parcels leave it from the front only, so a settled one stays while
// an earlier one is open.
type flight struct {
	parcels []*parcel
	// base is the serial of parcels[0]; serials are dense.
	base int64
	// parcels[:next] have been sent in this attempt, or are settled.
	next    int
	attempt int64
	// out counts the parcels sent in this attempt that have no answer.
	out   int
	bytes int
}

func newFlight() *flight { return &flight{attempt: 1} }

func (f *flight) len() int { return len(f.parcels) }

// add takes a new line in at the end.
func (f *flight) add(line int, subject string, body []byte) {
	f.parcels = append(f.parcels, &parcel{
		serial: f.base + int64(len(f.parcels)), line: line, subject: subject, body: body,
	})
	f.bytes += len(body)
}

// peek is the next parcel to send in this attempt, nil if there is none.
func (f *flight) peek() *parcel {
	for f.next < len(f.parcels) && f.parcels[f.next].settled {
		f.next++
	}
	if f.next == len(f.parcels) {
		return nil
	}
	return f.parcels[f.next]
}

// sent notes that what peek returned is on its way, at now, while the log's
// highest known offset was end.
func (f *flight) sent(now time.Time, end geo.Offset) {
	p := f.parcels[f.next]
	if p.sends == 0 {
		p.absentAt, p.behind = now, end
	}
	p.sends++
	p.attempt, p.refused = f.attempt, false
	f.next++
	f.out++
}

// find is the open parcel with that serial, nil if there is none.
func (f *flight) find(serial int64) *parcel {
	i := serial - f.base
	if i < 0 || i >= int64(len(f.parcels)) || f.parcels[i].settled {
		return nil
	}
	return f.parcels[i]
}

// settle closes an open parcel, whichever attempt the answer is for.
func (f *flight) settle(p *parcel) {
	if p.attempt == f.attempt && !p.refused {
		f.out--
	}
	p.settled = true
	f.bytes -= len(p.body)
	p.body = nil
	f.drop()
}

// drop lets the settled parcels at the front go.
func (f *flight) drop() {
	n := 0
	for n < len(f.parcels) && f.parcels[n].settled {
		f.parcels[n] = nil
		n++
	}
	f.parcels = f.parcels[n:]
	f.base += int64(n)
	f.next = max(f.next-n, 0)
}

// refuse notes that the log did not take a parcel in the attempt that the answer
// is for; answers to earlier attempts tell nothing, and refuse returns false.
func (f *flight) refuse(p *parcel, attempt int64) bool {
	if attempt != f.attempt || p.attempt != attempt || p.refused {
		return false
	}
	p.refused = true
	f.out--
	return true
}

// rewind begins a new attempt with the first open parcel.
func (f *flight) rewind() {
	f.next, f.out = 0, 0
	f.attempt++
	passed := map[string]bool{}
	for i := len(f.parcels) - 1; i >= 0; i-- {
		p := f.parcels[i]
		if p.settled {
			passed[p.subject] = true
		} else if passed[p.subject] {
			p.overtaken = true
		}
	}
}

// doubtful tells whether the next parcel may be in the log since before the
// given moment, the earliest one of which the log still recognises an id.
func (f *flight) doubtful(recognised time.Time) bool {
	p := f.peek()
	return p != nil && p.sends > 0 && p.absentAt.Before(recognised)
}

// first is the first open parcel, nil if there is none.
func (f *flight) first() *parcel {
	if len(f.parcels) == 0 {
		return nil
	}
	return f.parcels[0]
}

// searched notes that a search which began at the moment at covered every
// parcel that was sent and is open still.
func (f *flight) searched(at time.Time) {
	for _, p := range f.parcels {
		if p.sends > 0 {
			p.absentAt = at
		}
	}
}

// behind is the offset behind which all copies of open parcels lie.
func (f *flight) behind() geo.Offset {
	if p := f.first(); p != nil {
		return p.behind
	}
	return 0
}

// openLine finds an open parcel by its line.
func (f *flight) openLine(line int) *parcel {
	low, high := 0, len(f.parcels)
	for low < high {
		if mid := (low + high) / 2; f.parcels[mid].line < line {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == len(f.parcels) || f.parcels[low].line != line || f.parcels[low].settled {
		return nil
	}
	return f.parcels[low]
}
