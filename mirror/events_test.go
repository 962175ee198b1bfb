package mirror

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"geomq/geo"
	"geomq/geo/entry"
)

// events names a file of real events for what measures; made-up ones take its
// place where neither the flag nor GEOMQ_EVENTS names one.
var events = flag.String("events", os.Getenv("GEOMQ_EVENTS"), "NDJSON file, gzip, of events with a field page")

const wireGoal = 70 // bytes per real event, compressed as a stream

// realEvents are the file's lines as entries of a log, or nil without the file.
func realEvents(t testing.TB) []entry.Entry {
	t.Helper()
	if *events == "" {
		return nil
	}
	file, err := os.Open(*events)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry.Entry
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var fields struct {
			Page string `json:"page"`
		}
		if err := json.Unmarshal(lines.Bytes(), &fields); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, event(len(entries), fields.Page, lines.Text()))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return spaced(entries)
}

func event(i int, page, line string) entry.Entry {
	token := strings.NewReplacer(" ", "_", ".", "_", "*", "_", ">", "_").Replace(page)
	return entry.Entry{Offset: geo.Offset(i + 1), Subject: []byte("orders.created." + token),
		Header: fmt.Appendf(nil, "NATS/1.0\r\nNats-Msg-Id: 0123456789abcdef-%d\r\n\r\n", i), Body: []byte(line)}
}

// spaced gives entries the origin times of a busy log: 5 to 50 µs apart.
func spaced(entries []entry.Entry) []entry.Entry {
	r := rand.New(rand.NewPCG(1, 1))
	now := int64(1_700_000_000_000_000_000)
	for i := range entries {
		now += 5_000 + r.Int64N(45_000)
		entries[i].Time = now
	}
	return entries
}

func madeUpEvents() []entry.Entry {
	r := rand.New(rand.NewPCG(7, 7))
	var entries []entry.Entry
	for i := range 20_000 {
		page := fmt.Sprintf("page_%d", r.IntN(5000))
		entries = append(entries, event(i, page, fmt.Sprintf(`{"page":%q,"user":"user %x","added":%d,"deleted":%d,"comment":"%x","isRobot":%t}`,
			page, r.Uint32(), r.IntN(3000), r.IntN(100), random(r, 40), r.IntN(2) == 0)))
	}
	return spaced(entries)
}

// pack makes frames as a source that is far behind does.
func pack(entries []entry.Entry, codec Codec, size int) (frames []*Frame) {
	var p Packer
	defer p.Close()
	for i := range entries {
		if p.Count() > 0 && (p.Count() == MaxEntries || p.Size()+entries[i].Size() > size) {
			frames = append(frames, p.PackFull(codec))
		}
		p.Add(&entries[i])
	}
	return append(frames, p.Pack(codec))
}

func TestRealEventsAreSmallOnTheWire(t *testing.T) {
	entries := realEvents(t)
	if entries == nil {
		t.Skip("neither -events nor GEOMQ_EVENTS names a file")
	}
	for _, codec := range append([]Codec{zstdStream}, codecs...) {
		wire := 0
		for _, f := range pack(entries, codec, maxFrame) {
			wire += len(Encode(nil, f))
		}
		each := float64(wire) / float64(len(entries))
		t.Logf("%s: %.1f bytes per event", codec, each)
		if codec == zstdStream && each > wireGoal {
			t.Errorf("%s: %.1f bytes per event, at most %d are wanted", codec, each, wireGoal)
		}
	}
}

// TestMadeUpEventsStaySmallOnTheWire notices a layout that costs more: of each
// event 40 bytes are a random comment in hexadecimal, about 40 more can't be
// guessed either.
func TestMadeUpEventsStaySmallOnTheWire(t *testing.T) {
	const limit = 72
	entries, wire := madeUpEvents(), 0
	for _, f := range pack(entries, zstdStream, maxFrame) {
		wire += len(Encode(nil, f))
	}
	each := float64(wire) / float64(len(entries))
	t.Logf("%.1f bytes per event", each)
	if each > limit {
		t.Errorf("%.1f bytes per event, at most %d are wanted", each, limit)
	}
}

func BenchmarkPack(b *testing.B) { benchmark(b, true) }

func BenchmarkUnpack(b *testing.B) { benchmark(b, false) }

func benchmark(b *testing.B, packing bool) {
	entries := realEvents(b)
	if entries == nil {
		entries = madeUpEvents()
	}
	for _, codec := range append([]Codec{zstdStream}, codecs...) {
		b.Run(codec.String(), func(b *testing.B) {
			frames, raw := pack(entries, codec, maxFrame), 0
			for _, f := range frames {
				raw += int(f.Raw)
			}
			b.SetBytes(int64(raw))
			b.ReportAllocs()
			var u Unpacker
			var into []entry.Entry
			for b.Loop() {
				if packing {
					pack(entries, codec, maxFrame)
					continue
				}
				for _, f := range frames {
					var err error
					if into, err = u.Unpack(into[:0], f); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(len(entries))*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
