package vote

import (
	"cmp"
	"slices"

	"geomq/geo"
)

// MinMargin is the least number of offsets that a new epoch keeps between itself
// and everything known.
const MinMargin = 10_000

// compare orders reaches of one log by how much of it they have: an entry of a
// later epoch is worth more than any of an earlier one.
func (r Reach) compare(s Reach) int {
	return cmp.Or(cmp.Compare(r.Epochs.Latest().Number, s.Epochs.Latest().Number), cmp.Compare(r.Offset, s.Offset))
}

// merge is what r and s know together of the offsets that may have been used.
func (r Reach) merge(s Reach) Reach {
	switch byNumber := cmp.Compare(s.Epochs.Latest().Number, r.Epochs.Latest().Number); {
	case byNumber > 0, byNumber == 0 && len(s.Epochs) > len(r.Epochs):
		r.Epochs = s.Epochs
	}
	r.Log, r.Offset = s.Log, max(r.Offset, s.Offset)
	return r
}

// planning is what a claimant knows when it plans one log.
type planning struct {
	log     string
	self    Party
	epoch   uint64
	margin  uint64
	sources []Source // who promised, and what
	known   Reach    // what any writer may have used; zero if none ever wrote
}

func (p planning) plan() Plan {
	slices.SortFunc(p.sources, func(a, b Source) int {
		return cmp.Or(b.Reach.compare(a.Reach), cmp.Compare(p.far(a.Party), p.far(b.Party)), cmp.Compare(a.Party, b.Party))
	})
	furthest := Reach{Log: p.log}
	if len(p.sources) > 0 {
		furthest = p.sources[0].Reach
	}
	if len(furthest.Epochs) == 0 {
		furthest.Epochs = geo.FirstEpochs()
	}
	table, end := p.complete(furthest)
	next := geo.Epoch{Number: p.epoch, PrevEnd: end, First: p.first(table, end)}
	return Plan{Log: p.log, Sources: p.sources, Table: newest(append(table, next))}
}

// far is 0 for the claimant itself: what it has needs no fetching.
func (p planning) far(party Party) int {
	if party == p.self {
		return 0
	}
	return 1
}

// complete adds to the furthest holder's table the epochs that were opened and of
// which it has nothing, and says where the last of them ended.
func (p planning) complete(furthest Reach) (geo.Epochs, geo.Offset) {
	table, end := slices.Clone(furthest.Epochs), max(furthest.Offset, furthest.Epochs.Latest().First-1)
	for _, e := range p.known.Epochs {
		if e.Number > table.Latest().Number {
			table, end = append(table, e), e.First-1
		}
	}
	return table, end
}

// first is where the new epoch begins: behind everything that anybody may have
// used. A log that was never written to begins at 1.
func (p planning) first(table geo.Epochs, end geo.Offset) geo.Offset {
	used := max(end, p.known.Offset, table.Latest().First-1)
	for _, s := range p.sources {
		used = max(used, s.Reach.Offset)
	}
	if used == 0 {
		return 1
	}
	return used + geo.Offset(max(p.margin, MinMargin)) + 1
}
