package geo

import "slices"

// Ranges is a set of offsets: stretches in ascending order that neither overlap
// nor touch. The zero Ranges is empty. It is not changed in place.
type Ranges []Range

// Add returns s with the offsets of r in it.
func (s Ranges) Add(r Range) Ranges {
	if r.Len() == 0 {
		return s
	}
	merged := make(Ranges, 0, len(s)+1)
	at := 0
	for ; at < len(s) && s[at].Last+1 < r.First; at++ {
		merged = append(merged, s[at])
	}
	for ; at < len(s) && s[at].First <= r.Last+1; at++ {
		r = Range{First: min(r.First, s[at].First), Last: max(r.Last, s[at].Last)}
	}
	return append(append(merged, r), s[at:]...)
}

// Contains tells whether o is in s.
func (s Ranges) Contains(o Offset) bool { return s.Covers(Range{First: o, Last: o}) }

// Covers tells whether every offset of r is in s.
func (s Ranges) Covers(r Range) bool {
	if r.Len() == 0 {
		return true
	}
	at, _ := slices.BinarySearchFunc(s, r.First, func(have Range, o Offset) int {
		if have.Last < o {
			return -1
		}
		return 1
	})
	return at < len(s) && s[at].First <= r.First && r.Last <= s[at].Last
}

// Intersect is the offsets of s that lie in r.
func (s Ranges) Intersect(r Range) Ranges {
	var shared Ranges
	for _, have := range s {
		if both := have.Intersect(r); both.Len() > 0 {
			shared = append(shared, both)
		}
	}
	return shared
}

// Without is the offsets of r that are not in s.
func (s Ranges) Without(r Range) Ranges {
	var left Ranges
	for _, have := range s.Intersect(r) {
		if have.First > r.First {
			left = append(left, Range{First: r.First, Last: have.First - 1})
		}
		r.First = have.Last + 1
	}
	if r.Len() > 0 {
		left = append(left, r)
	}
	return left
}

// Len is the number of offsets in s.
func (s Ranges) Len() uint64 {
	var n uint64
	for _, r := range s {
		n += r.Len()
	}
	return n
}
