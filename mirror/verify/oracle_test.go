package verify

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"geomq/geo"
	"geomq/geo/entry"
)

// TestTheFirstDifferingOffsetIsFound lets the naive comparison judge Verify.
func TestTheFirstDifferingOffsetIsFound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := withHoles(rt, listed(rapid.IntRange(1, 3*geo.BlockSize).Draw(rt, "entries")))
		origin, replica := holder("us-east", list), holder("eu-west", list)
		origin.sealAll()
		for i := range rapid.IntRange(0, 4).Draw(rt, "mutations") {
			mutate(rt, fmt.Sprint("mutation ", i), replica)
		}
		replica.first = geo.Offset(rapid.SampledFrom([]int{1, 1, 1, 2, 1024, 1025, 1500}).Draw(rt, "trimmed to"))
		replica.last = max(replica.last, replica.first-1)
		want := naive(origin, replica)

		report := verified(t, origin, replica)
		switch {
		case want == 0 && replica.first <= replica.last && origin.last < replica.last:
			if report.Outcome != Different {
				rt.Fatalf("the origin has lost its tail: %s", report)
			}
		case want == 0 && report.Outcome == Different:
			rt.Fatalf("a difference where there is none: %s", report)
		case want != 0 && len(report.Differences) == 0:
			rt.Fatalf("offset %d differs and nothing was found: %s", want, report)
		case want != 0 && report.Differences[0].First != want:
			rt.Fatalf("found %d, the first is %d: %s", report.Differences[0].First, want, report)
		}
	})
}

func withHoles(rt *rapid.T, list []entry.Entry) []entry.Entry {
	holes := rapid.SliceOfN(rapid.IntRange(1, len(list)), 0, 5).Draw(rt, "holes")
	offsets := make([]geo.Offset, len(holes))
	for i, o := range holes {
		offsets[i] = geo.Offset(o)
	}
	return without(list, offsets...)
}

// mutate does one of the things that must never happen to a replica.
func mutate(rt *rapid.T, label string, m *memory) {
	at := geo.Offset(rapid.IntRange(1, max(1, int(m.last))).Draw(rt, label+" at"))
	e, there := m.entries[at]
	if !there {
		return
	}
	kind := rapid.SampledFrom([]string{"subject", "header", "no header", "body", "time", "missing", "swapped", "tail"}).Draw(rt, label)
	e = e.Clone()
	switch kind {
	case "subject":
		e.Subject[0] ^= 1
	case "header":
		if e.Header != nil {
			e.Header[9] ^= 0x20
		}
	case "no header":
		e.Header = nil
	case "body":
		e.Body = append(e.Body, 0)
	case "time":
		e.Time++
	case "missing":
		delete(m.entries, at)
		return
	case "swapped":
		other := m.last + 1 - at
		if o, ok := m.entries[other]; ok {
			e.Offset, o.Offset = other, at
			m.entries[other], m.entries[at] = e, o
		}
		return
	case "tail":
		m.last++
		m.entries[m.last] = entry.Entry{Offset: m.last, Subject: []byte("orders.x"), Body: []byte("extra")}
		return
	}
	m.entries[at] = e
}
