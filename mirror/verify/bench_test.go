package verify

import (
	"testing"

	"geomq/geo"
	"geomq/geo/entry"
)

// BenchmarkDigester tells how fast a holder can recompute digests of entries of
// 436 bytes, reading them not counted.
func BenchmarkDigester(b *testing.B) {
	e := entry.Entry{Subject: []byte("orders.created.1"), Body: make([]byte, 420)}
	d, err := NewDigester(DigesterConfig{
		Range: geo.Range{First: 1, Last: geo.Offset(b.N)}, Step: geo.BlockSize, Yield: func(Stretch) error { return nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for o := range b.N {
		e.Offset = geo.Offset(o + 1)
		if err := d.Add(&e); err != nil {
			b.Fatal(err)
		}
	}
}
