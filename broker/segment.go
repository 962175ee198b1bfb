package broker

import (
	"geomq/geo"
	"geomq/geo/entry"
)

// segment is a run of entries whose bytes lie in one buffer. Segments are used
// again, so reading allocates nothing per entry once they have grown.
type segment struct {
	entries []entry.Entry
	bytes   []byte
	size    int // what it counts of a Reader's window
}

// add copies a message into the segment. If the buffer must grow, the entries
// before go on pointing into the old one, which stays as it is.
func (s *segment) add(d delivery, subject, header, body []byte, size int) {
	e := entry.Entry{Offset: geo.Offset(d.stream), Time: d.time}
	e.Subject = s.keep(subject)
	if len(header) > 0 {
		e.Header = s.keep(header)
	}
	e.Body = s.keep(body)
	s.entries = append(s.entries, e)
	s.size += size
}

func (s *segment) keep(b []byte) []byte {
	start := len(s.bytes)
	s.bytes = append(s.bytes, b...)
	return s.bytes[start:len(s.bytes):len(s.bytes)]
}

func (s *segment) reset() {
	s.entries, s.bytes, s.size = s.entries[:0], s.bytes[:0], 0
}

// canonical turns what is stored into entries, in place. It stops at the first
// one that isn't as its form says.
func (s *segment) canonical(f *form) ([]entry.Entry, error) {
	if n := len(s.entries); n > 0 && f.raw(s.entries[n-1].Offset) {
		return s.entries, nil
	}
	for i := range s.entries {
		e, err := f.entry(&s.entries[i])
		if err != nil {
			return s.entries[:i], err
		}
		s.entries[i] = e
	}
	return s.entries, nil
}
