package mirror

import (
	"context"
	"math/rand/v2"
	"testing"

	"geomq/geo"
	"geomq/geo/entry"
)

// loopLog is an endless log of the same 64 blocks' worth of entries, in batches
// like a broker's, whose seals are made once per round.
type loopLog struct {
	HeldLog
	entries []entry.Entry
	seals   []geo.Seal
}

func (l *loopLog) Extent(context.Context) (geo.Extent, error) {
	return geo.Extent{First: 1, Last: geo.Offset(len(l.entries))}, nil
}

func (l *loopLog) Seals(_ context.Context, first, last geo.Block) ([]geo.Seal, error) {
	return l.seals[min(int(first), len(l.seals)):min(int(last)+1, len(l.seals))], nil
}

func (l *loopLog) Read(_ context.Context, from geo.Offset) (Reader, error) {
	return &loopReader{l.entries[from-1:]}, nil
}

type loopReader struct{ rest []entry.Entry }

func (r *loopReader) Next(context.Context) ([]entry.Entry, error) {
	n := min(len(r.rest), 300)
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out, nil
}

func (r *loopReader) Close() error { return nil }

func BenchmarkProve(b *testing.B) {
	log := &loopLog{}
	var h entry.Hasher
	r := rand.New(rand.NewPCG(1, 2))
	digests := make([]entry.Digest, 0, geo.BlockSize)
	for o := geo.Offset(1); o <= 64*geo.BlockSize; o++ {
		e := entry.Entry{Offset: o, Time: 5, Subject: []byte("orders.created"), Header: []byte("NATS/1.0\r\nNats-Msg-Id: 0123456789abcdef\r\n\r\n"), Body: random(r, 350)}
		log.entries = append(log.entries, e)
		if digests = append(digests, h.Entry(&e)); len(digests) == geo.BlockSize {
			log.seals = append(log.seals, geo.Seal{Block: geo.BlockOf(o), Digest: entry.Combine(digests)})
			digests = digests[:0]
		}
	}
	b.Run("digest", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			h.Entry(&log.entries[i%len(log.entries)])
		}
	})
	b.Run("prove", func(b *testing.B) {
		left := 0
		var reader Reader
		for range b.N {
			for left == 0 {
				if reader == nil {
					reader, _ = Prove(b.Context(), ProveConfig{Log: ordersLog, Held: log}, 1)
				}
				entries, err := reader.Next(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if left = len(entries); entries[left-1].Offset == 64*geo.BlockSize {
					reader = nil
				}
			}
			left--
		}
	})
}
