package geotest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"geomq/geo"
)

// Terms are what a log is judged by beside its history.
type Terms struct {
	// Order gives the place of a key in its producer's order, less than 0 for a key
	// without one; nil leaves I3 out.
	Order func(key string) (place int)
	// Holes are offsets that may be without an entry, such as of deleted ones.
	// What an epoch table skips needs no mention.
	Holes geo.Ranges
	// Ledger names the entries that are kept in some region's ledger, by offset,
	// by their Nats-Msg-Id: they are not lost.
	Ledger map[uint64]string
}

// Account is what became of what was acknowledged.
type Account struct {
	// Acked is how much it was.
	Acked int
	// Ledger is what is no part of the log any more, but kept.
	Ledger int
	// Nowhere is what no region has: possible only where disks were harmed.
	Nowhere geo.Ranges
}

// Check judges by the history alone.
func (h *History) Check(holdings []Holding, order func(key string) (place int)) error {
	_, err := h.Judge(holdings, Terms{Order: order})
	return err
}

// Judge compares what the regions hold in the end with the history, in time
// linear to both, and returns every violation: of I1 (acknowledged, therefore in
// every region; what a harmed disk may have taken is counted), I2 (nothing
// unpublished, no key twice), I3 (order), I4 (same offset, same entry) and I5 (no
// gap, nothing that changed).
func (h *History) Judge(holdings []Holding, terms Terms) (Account, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := &judgement{History: h, Terms: terms, broken: violations{}, account: Account{Acked: len(h.acked)}}
	for _, broken := range h.broken {
		j.broken.add(strings.SplitN(broken, ":", 2)[0], "%s", broken)
	}
	keys := make([]map[string]uint64, len(holdings))
	anywhere := map[uint64]bool{}
	for i, holding := range holdings {
		keys[i] = j.entries(holding, anywhere)
	}
	j.epochs(holdings)
	for i, holding := range holdings {
		j.acknowledged(holding, keys[i], anywhere)
	}
	j.shownOnly(anywhere)
	j.settle(anywhere)
	return j.account, j.broken.err()
}

// judgement is one run of Judge.
type judgement struct {
	*History
	Terms
	broken  violations
	account Account
}

// entries checks one region's entries by themselves, and tells where each key is.
func (j *judgement) entries(holding Holding, anywhere map[uint64]bool) map[string]uint64 {
	at := make(map[string]uint64, len(holding.Entries))
	lastPlace, next := -1, uint64(1)
	holes := j.Holes
	for _, r := range holding.Epochs.Skipped() {
		holes = holes.Add(r)
	}
	for _, e := range holding.Entries {
		if e.Offset > next && !holes.Covers(geo.Range{First: geo.Offset(next), Last: geo.Offset(e.Offset - 1)}) || e.Offset < next {
			j.broken.add("I5", "I5: %s shows offset %d behind %d", holding.Region, e.Offset, next-1)
		}
		next = e.Offset + 1
		if holes.Contains(geo.Offset(e.Offset)) {
			j.broken.add("I5 hole", "I5: %s holds an entry at offset %d, which is to be a hole", holding.Region, e.Offset)
		}
		if before, twice := at[e.Key]; twice && e.Key != "" {
			j.broken.add("I2", "I2: %s holds key %s at offset %d and at %d", holding.Region, e.Key, before, e.Offset)
		}
		if len(j.sent) > 0 && !j.sent[e.Key] {
			j.broken.add("I2 sent", "I2: %s holds key %q at offset %d, which nobody published", holding.Region, e.Key, e.Offset)
		}
		at[e.Key], anywhere[e.Offset] = e.Offset, true
		j.same(holding.Region, e)
		lastPlace = j.ordered(holding.Region, e, lastPlace)
	}
	return at
}

// same compares an entry with what was shown at its offset before, anywhere.
func (j *judgement) same(region string, e Held) {
	seen, ok := j.seen[e.Offset]
	switch {
	case !ok:
		j.seen[e.Offset] = sight{e.What, region, time.Now()}
	case seen.what != e.What:
		j.broken.add("I4", "I4/I5: at offset %d %s holds another entry than %s", e.Offset, region, seen)
	}
}

func (j *judgement) ordered(region string, e Held, lastPlace int) int {
	if j.Order == nil {
		return lastPlace
	}
	place := j.Order(e.Key)
	if place < 0 {
		return lastPlace
	}
	if place <= lastPlace {
		j.broken.add("I3", "I3: %s holds %s at offset %d behind a later one", region, e.Key, e.Offset)
		return lastPlace
	}
	return place
}

// epochs finds two regions whose tables contradict each other.
func (j *judgement) epochs(holdings []Holding) {
	for i, a := range holdings {
		for _, b := range holdings[i+1:] {
			if !a.Epochs.Extends(b.Epochs) && !b.Epochs.Extends(a.Epochs) {
				j.broken.add("I4 epochs", "I4: the epochs are %s in %s and %s in %s", a.Epochs, a.Region, b.Epochs, b.Region)
			}
		}
	}
}

// violations collects what is broken, by kind.
type violations map[string][]string

// maxTold is how many violations of one kind are spelled out.
const maxTold = 5

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
