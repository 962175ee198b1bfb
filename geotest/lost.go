package geotest

import (
	"fmt"
	"slices"
	"strings"

	"geomq/geo"
)

// lost are offsets that one region lacks, by where in its log they would stand.
// The beginning points to retention or to a replica that started late, the end to
// a tail that was cut off, the middle to what should never happen.
type lost struct{ prefix, middle, postfix []uint64 }

// acknowledged finds acknowledged messages that a region lacks although they are
// somewhere, or have to be.
func (j *judgement) acknowledged(holding Holding, at map[string]uint64, anywhere map[uint64]bool) {
	first, last := uint64(1), uint64(0)
	if n := len(holding.Entries); n > 0 {
		first, last = holding.Entries[0].Offset, holding.Entries[n-1].Offset
	}
	var l lost
	for key, offset := range j.acked {
		found, ok := at[key]
		switch {
		case ok && found != offset:
			j.broken.add("I4 ack", "I4: %s holds %s at offset %d, acknowledged was %d", holding.Region, key, found, offset)
		case ok, j.excused(offset, anywhere):
		case offset < first:
			l.prefix = append(l.prefix, offset)
		case offset > last:
			l.postfix = append(l.postfix, offset)
		default:
			l.middle = append(l.middle, offset)
		}
	}
	j.lacks(holding.Region, "prefix", fmt.Sprintf("before its beginning %d", first), l.prefix)
	j.lacks(holding.Region, "middle", "amid what it holds", l.middle)
	j.lacks(holding.Region, "postfix", fmt.Sprintf("beyond its end %d", last), l.postfix)
}

func (j *judgement) lacks(region, part, where string, offsets []uint64) {
	if len(offsets) > 0 {
		j.broken.add("I1 "+part, "I1: %s lacks %d acknowledged at offsets %s, %s (%s)", region, len(offsets), spans(offsets), where, part)
	}
}

// excused tells whether an acknowledged entry may be missing: its region lost it
// before any other one had shown it, or a ledger keeps it.
func (j *judgement) excused(offset uint64, anywhere map[uint64]bool) bool {
	return !anywhere[offset] && (j.kept(offset) || !j.safe(offset))
}

// kept tells whether a ledger has what was at offset.
func (j *judgement) kept(offset uint64) bool {
	_, ok := j.Ledger[offset]
	return ok
}

// shownOnly finds entries that were shown, were acknowledged or not, and must
// still be somewhere.
func (j *judgement) shownOnly(anywhere map[uint64]bool) {
	var missing []uint64
	for offset := range j.seen {
		if !anywhere[offset] && !j.kept(offset) && j.safe(offset) {
			missing = append(missing, offset)
		}
	}
	if len(missing) > 0 {
		j.broken.add("I5 shown", "I5: nobody holds any more what was shown at offsets %s, although a region whose disk lives has shown it", spans(missing))
	}
}

// settle counts what was acknowledged and is in no log.
func (j *judgement) settle(anywhere map[uint64]bool) {
	var nowhere []uint64
	for key, offset := range j.acked {
		switch {
		case anywhere[offset]:
		case j.kept(offset):
			j.account.Ledger++
			if id := j.Ledger[offset]; j.name(id) != key {
				j.broken.add("I4 ledger", "I4: a ledger holds %q at offset %d, acknowledged was %s", id, offset, key)
			}
		default:
			nowhere = append(nowhere, offset)
		}
	}
	j.account.Nowhere = ranges(nowhere)
}

// ranges puts offsets together.
func ranges(offsets []uint64) geo.Ranges {
	var all geo.Ranges
	for _, o := range slices.Sorted(slices.Values(offsets)) {
		if n := len(all); n > 0 && uint64(all[n-1].Last)+1 >= o {
			all[n-1].Last = geo.Offset(o)
			continue
		}
		all = append(all, geo.Range{First: geo.Offset(o), Last: geo.Offset(o)})
	}
	return all
}

// spans tells offsets as ranges, the first few of them.
func spans(offsets []uint64) string {
	all := ranges(offsets)
	texts := make([]string, 0, maxTold+1)
	for _, r := range all[:min(len(all), maxTold)] {
		if r.First == r.Last {
			texts = append(texts, fmt.Sprint(r.First))
		} else {
			texts = append(texts, fmt.Sprintf("%d–%d", r.First, r.Last))
		}
	}
	if more := len(all) - maxTold; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more stretches", more))
	}
	return strings.Join(texts, ", ")
}

// Add puts another log's account to this one's.
func (a *Account) Add(b Account) {
	a.Acked, a.Ledger = a.Acked+b.Acked, a.Ledger+b.Ledger
	a.Nowhere = append(a.Nowhere, b.Nowhere...) // of another log: not to be merged
}
