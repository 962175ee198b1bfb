package mirror

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/metrics"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"geomq/geo"
	"geomq/geo/entry"
)

var codecs = []Codec{None, S2, Zstd}

// allocated is how many bytes f takes from the heap. It counts for the whole
// process, so tests that use it don't run in parallel with others.
func allocated(f func()) uint64 {
	before := heapTotal()
	f()
	return heapTotal() - before
}

// least is the least that f, which keeps nothing, takes in three goes: while
// fuzzing, the fuzzer's own goroutines take memory at the same time.
func least(f func()) uint64 { return min(allocated(f), allocated(f), allocated(f)) }

func heapTotal() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func sameEntry(a, b *entry.Entry) bool {
	return a.Offset == b.Offset && a.Time == b.Time && bytes.Equal(a.Subject, b.Subject) &&
		bytes.Equal(a.Header, b.Header) && (a.Header == nil) == (b.Header == nil) && bytes.Equal(a.Body, b.Body)
}

func sameEntries(got, want []entry.Entry) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d entries, want %d", len(got), len(want))
	}
	for i := range want {
		if !sameEntry(&got[i], &want[i]) {
			return fmt.Errorf("entry %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	return nil
}

func randomEntry(r *rand.Rand, offset geo.Offset) entry.Entry {
	e := entry.Entry{Offset: offset, Time: int64(r.Uint64()), Subject: fmt.Appendf(nil, "orders.%d", r.IntN(20))}
	switch r.IntN(4) {
	case 0:
		e.Header = []byte{}
	case 1:
		e.Header = fmt.Appendf(nil, "NATS/1.0\r\nNats-Msg-Id: %d\r\nA: 1\r\nA: 2\r\n\r\n", r.Uint64())
	case 2:
		e.Header = random(r, r.IntN(30))
	}
	if r.IntN(4) > 0 {
		e.Body = random(r, r.IntN(60))
	}
	return e
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32() >> 13)
	}
	return b
}

func TestFramesGiveBackTheirEntries(t *testing.T) {
	var p Packer
	var u Unpacker
	rapid.Check(t, func(t *rapid.T) {
		codec := rapid.SampledFrom(codecs).Draw(t, "codec")
		count := rapid.IntRange(1, 2000).Draw(t, "count")
		first := geo.Offset(rapid.Uint64Range(1, 1<<62).Draw(t, "first"))
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var want []entry.Entry
		for i := range count {
			want = append(want, randomEntry(r, first+geo.Offset(i)))
			p.Add(&want[i])
		}
		if p.Count() != count || p.Next() != first+geo.Offset(count) {
			t.Fatalf("the packer counts %d up to %d", p.Count(), p.Next())
		}
		f := p.Pack(codec)
		if f.First != first || int(f.Count) != count || p.Count() != 0 || p.Next() != 0 {
			t.Fatalf("frame %d+%d, want %d+%d", f.First, f.Count, first, count)
		}
		got, err := u.Unpack(nil, f)
		if err == nil {
			err = sameEntries(got, want)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAJumboEntryTravelsAndItsMemoryIsGivenBack(t *testing.T) {
	for _, codec := range codecs {
		var p Packer
		var u Unpacker
		jumbo := entry.Entry{Offset: 5, Subject: []byte("a"), Body: random(rand.New(rand.NewPCG(1, 1)), 8<<20)}
		p.Add(&jumbo)
		got, err := u.Unpack(nil, p.Pack(codec))
		if err != nil || !sameEntry(&got[0], &jumbo) {
			t.Fatalf("%s: %v", codec, err)
		}
		small := entry.Entry{Offset: 6, Subject: []byte("a")}
		p.Add(&small)
		if got, err = u.Unpack(got[:0], p.Pack(codec)); err != nil || !sameEntry(&got[0], &small) {
			t.Fatalf("%s: %v", codec, err)
		}
		if kept := cap(p.texts) + cap(p.header) + cap(p.raw) + cap(u.raw) + cap(u.headers); kept > 1<<20 {
			t.Errorf("%s: %d bytes are kept after a jumbo entry", codec, kept)
		}
	}
}

// bomb is a frame that claims raw bytes.
func bomb(codec Codec, raw int, payload []byte) *Frame {
	return &Frame{First: 1, Count: 1, Raw: uint32(raw), Codec: codec, Payload: payload}
}

func zstdOf(t *testing.T, raw []byte, options ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(raw, nil)
}

// streamed is a zstd stream without its length in front.
func streamed(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	e, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := e.Flush(); err != nil { // a flush in between makes the length unknown
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDecompressionBombsAreRefusedBeforeTheyTakeMemory(t *testing.T) {
	zeros := make([]byte, 64<<20)
	lie := append(binary.AppendUvarint(nil, 1<<31), 0, 0, 0)
	twice := zstdOf(t, zeros[:100])
	twice = append(twice, zstdOf(t, zeros)...)
	for name, f := range map[string]*Frame{
		"zstd: 64 MiB of zeros, claims a few":       bomb(Zstd, 1000, zstdOf(t, zeros)),
		"zstd: 64 MiB of zeros, and says so":        bomb(Zstd, len(zeros), zstdOf(t, zeros)),
		"zstd: 64 MiB of zeros, claims the most":    bomb(Zstd, MaxRaw, zstdOf(t, zeros)),
		"zstd: its length is unknown":               bomb(Zstd, 1000, streamed(t, zeros)),
		"zstd: a second frame behind the first":     bomb(Zstd, 100, twice),
		"zstd: claims more than any frame may have": bomb(Zstd, MaxRaw+1, zstdOf(t, zeros[:100])),
		"zstd: claims more than it holds":           bomb(Zstd, MaxRaw, zstdOf(t, zeros[:100])),
		"zstd: cut off":                             bomb(Zstd, 5000, zstdOf(t, zeros[:5000])[:8]),
		"zstd: nothing":                             bomb(Zstd, 100, nil),
		"s2: 64 MiB of zeros, claims a few":         bomb(S2, 1000, s2.Encode(nil, zeros)),
		"s2: 64 MiB of zeros, and says so":          bomb(S2, len(zeros), s2.Encode(nil, zeros)),
		"s2: a length without the bytes":            bomb(S2, 1<<31-1, lie),
		"s2: nothing":                               bomb(S2, 100, nil),
		"none: longer than claimed":                 bomb(None, 100, zeros),
		"none: shorter than claimed":                bomb(None, MaxRaw, zeros[:100]),
		"unknown codec":                             bomb(77, 100, zeros[:100]),
	} {
		var u Unpacker
		var err error
		used := allocated(func() { _, err = u.Unpack(nil, f) })
		if !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
		if used > 256<<10 {
			t.Errorf("%s: took %d bytes", name, used)
		}
	}
}

func TestATableOfEmptyEntriesTakesLittle(t *testing.T) {
	const entries = 2 << 20 // 8 MiB of table, some hundred bytes packed
	raw := rawOf(make([]byte, entries), make([]byte, entries), make([]byte, entries), make([]byte, entries))
	f := &Frame{First: 1, Count: entries, Raw: uint32(len(raw)), Codec: Zstd, Payload: Zstd.compress(nil, raw)}
	var u Unpacker
	var err error
	used := allocated(func() { _, err = u.Unpack(nil, f) })
	if !errors.Is(err, ErrFrame) || used > MaxRaw+1<<20 {
		t.Errorf("%d bytes of payload took %d bytes: %v", len(f.Payload), used, err)
	}
}

// rawOf puts columns together as a Packer does; those not given are empty.
func rawOf(given ...[]byte) (raw []byte) {
	for i := range columns + 1 {
		var column []byte
		if i < len(given) {
			column = given[i]
		}
		if i < columns {
			raw = binary.AppendUvarint(raw, uint64(len(column)))
		}
		raw = append(raw, column...)
	}
	return raw
}

func TestHeadersThatRepeatThemselvesTakeLittle(t *testing.T) {
	const entries = 4000 // of which each repeats a header of 60 KB
	long := make([]byte, 60_000)
	lengths, prefixes := binary.AppendUvarint(nil, 60_001), binary.AppendUvarint(nil, 0)
	for range entries - 1 {
		lengths, prefixes = binary.AppendUvarint(lengths, 60_001), binary.AppendUvarint(prefixes, 60_000)
	}
	zeros := make([]byte, entries)
	raw := rawOf(zeros, zeros, lengths, zeros, prefixes, zeros, long)
	f := &Frame{First: 1, Count: entries, Raw: uint32(len(raw)), Payload: raw}
	var u Unpacker
	var err error
	used := allocated(func() { _, err = u.Unpack(nil, f) })
	if !errors.Is(err, ErrFrame) || used > 2<<20 {
		t.Errorf("%d bytes of payload took %d bytes: %v", len(raw), used, err)
	}
}

func TestDamagedTablesAreRefused(t *testing.T) {
	frame := func(count uint32, columns ...[]byte) *Frame {
		raw := rawOf(columns...)
		return &Frame{First: 1, Count: count, Raw: uint32(len(raw)), Payload: raw}
	}
	b := func(bytes ...byte) []byte { return bytes }
	huge := binary.AppendUvarint(nil, 1<<63)
	for name, f := range map[string]*Frame{
		"nothing":                {First: 1, Count: 1},
		"column beyond the end":  {First: 1, Count: 1, Raw: 3, Payload: b(9, 0, 0)},
		"more entries than rows": frame(2, b(0), b(1), b(0), b(1), nil, nil, nil, b(7, 7)),
		"fewer entries":          frame(1, b(0, 0), b(1, 1), b(0, 0), b(1, 1), nil, nil, nil, b(7, 7, 7, 7)),
		"text left over":         frame(1, b(0), b(1), b(0), b(1), nil, nil, nil, b(7, 7, 7)),
		"text missing":           frame(1, b(0), b(1), b(0), b(2), nil, nil, nil, b(7, 7)),
		"lengths that run over":  frame(1, b(0), huge, b(0), huge, nil, nil, nil, b(7, 7)),
		"endless number":         frame(1, bytes.Repeat(b(0xff), 12), b(1), b(0), b(1)),
		"number cut off":         frame(1, b(0), b(1), b(0), b(0x80), nil, nil, nil, b(7, 7)),
		"prefix of no header":    frame(1, b(0), b(0), b(3), b(0), b(1), b(0), b(7)),
		"suffix of no header":    frame(1, b(0), b(0), b(3), b(0), b(0), b(1), b(7)),
		"prefix beyond header":   frame(2, b(0, 0), b(0, 0), b(3, 2), b(0, 0), b(0, 2), b(0, 0), b(7, 7)),
		"prefix meets suffix":    frame(2, b(0, 0), b(0, 0), b(3, 9), b(0, 0), b(0, 2), b(0, 1), b(7, 7, 7, 7, 7)),
		"suffix runs over":       frame(2, b(0, 0), b(0, 0), b(3, 9), b(0, 0), b(0, 0), append(b(0), huge...), b(7, 7)),
		"middle missing":         frame(1, b(0), b(0), b(3), b(0), b(0), b(0), b(7)),
		"middle left over":       frame(1, b(0), b(0), b(3), b(0), b(0), b(0), b(7, 7, 7)),
	} {
		var u Unpacker
		if got, err := u.Unpack(nil, f); !errors.Is(err, ErrFrame) || len(got) != 0 {
			t.Errorf("%s: %d entries, %v", name, len(got), err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, codec := range codecs {
		s := sampleFrame(codec, 5)
		f.Add(byte(s.Codec), uint64(s.First), s.Count, s.Raw, s.Payload)
	}
	f.Add(byte(Zstd), uint64(1), uint32(1<<31), uint32(MaxRaw), []byte{0x28, 0xb5, 0x2f, 0xfd})
	// Its first block says that it expands to more than its header does.
	f.Add(byte(Zstd), uint64(11), uint32(5), uint32(625), []byte("(\xb5/\xfd@0q\x0120\x000"))
	f.Add(byte(zstdFirst), uint64(1), uint32(1), uint32(MaxRaw), []byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Add(byte(zstdNext), uint64(1), uint32(1), uint32(1), []byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, codec byte, first uint64, count, raw uint32, payload []byte) {
		frame := &Frame{First: geo.Offset(first), Count: count, Raw: raw, Codec: Codec(codec), Payload: payload}
		var u Unpacker
		var got []entry.Entry
		var err error
		used := allocated(func() { got, err = u.Unpack(nil, frame) })
		if used > 2*MaxRaw {
			t.Errorf("%d bytes of payload took %d", len(payload), used)
		}
		if err != nil {
			if !errors.Is(err, ErrFrame) || len(got) > 0 {
				t.Errorf("%d entries of a damaged frame: %v", len(got), err)
			}
			return
		}
		var p Packer
		for i := range got {
			p.Add(&got[i])
		}
		again, err := new(Unpacker).Unpack(nil, p.Pack(Zstd))
		if err == nil {
			err = sameEntries(again, got)
		}
		if err != nil {
			t.Error(err)
		}
	})
}
