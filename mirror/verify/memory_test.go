package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"

	"geomq/geo"
	"geomq/geo/entry"
)

var orders = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}

var errCut = errors.New("connection cut")

// memory is a Holder over entries in memory. Its function fields, where set,
// stand in for what goes wrong.
type memory struct {
	region  geo.Region
	first   geo.Offset
	last    geo.Offset
	entries map[geo.Offset]entry.Entry
	seals   map[geo.Block]entry.Digest

	extent func() (geo.Extent, error)
	// forge may change a stretch, or end the answer by an error.
	forge func(step uint64, s *Stretch) error
	// before is called at the beginning of every answer.
	before func(step uint64)
}

func holder(region geo.Region, entries []entry.Entry) *memory {
	m := &memory{region: region, first: 1, entries: map[geo.Offset]entry.Entry{}}
	for _, e := range entries {
		m.entries[e.Offset] = e
		m.last = max(m.last, e.Offset)
	}
	return m
}

// listed returns n entries from offset 1 on.
func listed(n int) []entry.Entry {
	list := make([]entry.Entry, n)
	for i := range list {
		list[i] = entry.Entry{
			Offset: geo.Offset(i + 1), Time: int64(1000 + i), Subject: fmt.Appendf(nil, "orders.%d", i%7),
			Header: []byte("NATS/1.0\r\nA: 1\r\n\r\n"), Body: fmt.Appendf(nil, "body %d", i),
		}
	}
	return list
}

// without leaves out the entries at offsets.
func without(list []entry.Entry, offsets ...geo.Offset) []entry.Entry {
	var out []entry.Entry
	for _, e := range list {
		keep := true
		for _, o := range offsets {
			keep = keep && e.Offset != o
		}
		if keep {
			out = append(out, e)
		}
	}
	return out
}

// changed gives the entry at offset another body.
func changed(list []entry.Entry, offset geo.Offset) []entry.Entry {
	out := append([]entry.Entry(nil), list...)
	out[offset-1].Body = []byte("something else")
	return out
}

func (m *memory) Region() geo.Region { return m.region }

func (m *memory) Extent(context.Context, geo.CommitLog) (geo.Extent, error) {
	if m.extent != nil {
		return m.extent()
	}
	return geo.Extent{First: m.first, Last: m.last, Entries: uint64(len(m.entries))}, nil
}

func (m *memory) Digests(ctx context.Context, _ geo.CommitLog, r geo.Range, step uint64, yield func(Stretch) error) error {
	if m.before != nil {
		m.before(step)
	}
	return Digest(DigesterConfig{Range: r, Step: step, Seal: m.seal, Yield: func(s Stretch) error {
		if m.forge != nil {
			if err := m.forge(step, &s); err != nil {
				return err
			}
		}
		return yield(s)
	}}, m.stored(ctx, r))
}

func (m *memory) stored(ctx context.Context, r geo.Range) iter.Seq2[*entry.Entry, error] {
	return func(yield func(*entry.Entry, error) bool) {
		for o := max(r.First, m.first); o <= r.Last; o++ {
			e, ok := m.entries[o]
			if ok && !yield(&e, ctx.Err()) {
				return
			}
		}
	}
}

func (m *memory) seal(b geo.Block) (entry.Digest, bool) {
	d, ok := m.seals[b]
	return d, ok
}

// sealAll seals the whole blocks of what m holds now.
func (m *memory) sealAll() *memory {
	m.seals = map[geo.Block]entry.Digest{}
	var h entry.Hasher
	for b := geo.Block(0); b.Range().Last <= m.last; b++ {
		var digests []entry.Digest
		for o := b.Range().First; o <= b.Range().Last; o++ {
			var d entry.Digest
			if e, ok := m.entries[o]; ok {
				d = h.Entry(&e)
			}
			digests = append(digests, d)
		}
		m.seals[b] = entry.Combine(digests)
	}
	return m
}

// naive is the oracle: the first offset of r at which two holders differ, 0
// where there is none. It knows nothing of digests, blocks or streams.
func naive(a, b *memory) geo.Offset {
	for o := max(a.first, b.first); o <= min(a.last, b.last); o++ {
		x, hasX := a.entries[o]
		y, hasY := b.entries[o]
		same := hasX == hasY && x.Time == y.Time && bytes.Equal(x.Subject, y.Subject) && bytes.Equal(x.Body, y.Body) &&
			bytes.Equal(x.Header, y.Header) && (x.Header == nil) == (y.Header == nil)
		if !same {
			return o
		}
	}
	return 0
}

// verified runs Verify in fake time, so that waiting costs nothing.
func verified(t *testing.T, holders ...Holder) Report {
	t.Helper()
	var report Report
	var err error
	synctest.Test(t, func(t *testing.T) {
		report, err = Verify(t.Context(), orders, holders, nil)
	})
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return report
}
