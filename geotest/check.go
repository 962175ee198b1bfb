package geotest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxTold is how many violations of one kind are spelled out.
const maxTold = 5

// Check compares what the regions hold in the end with the history, in time
// linear to both, and returns every violation: of I1 (acknowledged, therefore in
// every region), I2 (nothing unpublished, no key twice), I3 (order), I4 (same
// offset, same entry) and I5 (no gap, nothing that changed). order gives the
// place of a key in its producer's order; nil leaves I3 out.
func (h *History) Check(holdings []Holding, order func(key string) (place int)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := violations{}
	for _, broken := range h.broken {
		v.add(strings.SplitN(broken, ":", 2)[0], "%s", broken)
	}
	for _, holding := range holdings {
		h.checkOne(&v, holding, order)
	}
	return v.err()
}

func (h *History) checkOne(v *violations, holding Holding, order func(string) int) {
	at := make(map[string]uint64, len(holding.Entries))
	lastPlace, next := -1, uint64(1)
	for _, e := range holding.Entries {
		if e.Offset != next {
			v.add("I5", "I5: %s shows offset %d behind %d", holding.Region, e.Offset, next-1)
		}
		next = e.Offset + 1
		if before, twice := at[e.Key]; twice && e.Key != "" {
			v.add("I2", "I2: %s holds key %s at offset %d and at %d", holding.Region, e.Key, before, e.Offset)
		}
		if len(h.sent) > 0 && !h.sent[e.Key] {
			v.add("I2 sent", "I2: %s holds key %q at offset %d, which nobody published", holding.Region, e.Key, e.Offset)
		}
		at[e.Key] = e.Offset
		if seen, ok := h.seen[e.Offset]; ok && seen != e.What {
			v.add("I4", "I4/I5: %s holds another entry at offset %d than was shown there", holding.Region, e.Offset)
		} else if !ok {
			h.seen[e.Offset] = e.What
		}
		if order == nil {
			continue
		}
		if place := order(e.Key); place <= lastPlace {
			v.add("I3", "I3: %s holds %s at offset %d behind a later one", holding.Region, e.Key, e.Offset)
		} else {
			lastPlace = place
		}
	}
	first := next // of an empty holding: nothing is before it
	if len(holding.Entries) > 0 {
		first = holding.Entries[0].Offset
	}
	h.checkAcked(v, holding.Region, at, first, next-1)
}

// checkAcked finds acknowledged messages that are not there, and says whether
// the beginning, the middle or the end of the log is lost.
func (h *History) checkAcked(v *violations, region string, at map[string]uint64, first, last uint64) {
	for key, offset := range h.acked {
		found, ok := at[key]
		switch {
		case !ok && offset < first:
			v.add("I1 prefix", "I1: %s lacks %s, acknowledged at offset %d before its beginning %d", region, key, offset, first)
		case !ok && offset > last:
			v.add("I1 postfix", "I1: %s lacks %s, acknowledged at offset %d beyond its end %d", region, key, offset, last)
		case !ok:
			v.add("I1", "I1: %s lacks %s, acknowledged at offset %d amid what it holds", region, key, offset)
		case found != offset:
			v.add("I4 ack", "I4: %s holds %s at offset %d, acknowledged was %d", region, key, found, offset)
		}
	}
}

// violations collects what is broken, by kind.
type violations map[string][]string

func (v violations) add(kind, format string, args ...any) {
	v[kind] = append(v[kind], fmt.Sprintf(format, args...))
}

func (v violations) err() error {
	var errs []error
	for _, kind := range slices.Sorted(maps.Keys(v)) {
		all := v[kind]
		for _, text := range all[:min(len(all), maxTold)] {
			errs = append(errs, errors.New(text))
		}
		if more := len(all) - maxTold; more > 0 {
			errs = append(errs, fmt.Errorf("… and %d more like it", more))
		}
	}
	return errors.Join(errs...)
}
