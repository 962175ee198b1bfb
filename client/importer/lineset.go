package importer

// lineSet holds line numbers up to a limit, one bit each. A nil lineSet is
// empty.
type lineSet struct {
	bits  []uint64
	limit int
	count int
}

// newLineSet makes a set for the lines 1 to limit.
func newLineSet(limit int) *lineSet {
	return &lineSet{bits: make([]uint64, limit/64+1), limit: limit}
}

// add ignores lines beyond the limit: nothing but a foreign message could name
// one.
func (s *lineSet) add(line int) {
	if line < 1 || line > s.limit || s.has(line) {
		return
	}
	s.bits[line/64] |= 1 << (line % 64)
	s.count++
}

func (s *lineSet) has(line int) bool {
	return s != nil && line <= s.limit && s.bits[line/64]&(1<<(line%64)) != 0
}
