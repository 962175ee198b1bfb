package mirror

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"reflect"
	"strings"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"

	"pgregory.net/rapid"
)

func drawDigest(t *rapid.T) (d entry.Digest) {
	copy(d[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "digest"))
	return d
}

func drawEpochs(t *rapid.T) (table geo.Epochs) {
	for i := range rapid.IntRange(1, 4).Draw(t, "epochs") {
		table = append(table, geo.Epoch{Number: uint64(i) + 1, PrevEnd: geo.Offset(1000 * i), First: geo.Offset(1000*i + 1)})
	}
	return table
}

func drawDeletion(t *rapid.T) geo.Deletion {
	d := geo.Deletion{Number: rapid.Uint64Min(1).Draw(t, "deletion"), Block: geo.Block(rapid.Uint64Range(0, maxBlock).Draw(t, "block")),
		At: rapid.Int64().Draw(t, "at"), Reason: rapid.StringN(0, -1, maxReason).Draw(t, "reason")}
	for o := range rapid.IntRange(1, 40).Draw(t, "offsets") {
		d.Offsets = append(d.Offsets, d.Block.Range().First+geo.Offset(3*o))
		d.Digests = append(d.Digests, [16]byte(drawDigest(t)))
	}
	return d
}

func drawMessage(t *rapid.T) Message {
	number := rapid.Uint64()
	session := Session(number.Draw(t, "session"))
	offset := func(name string) geo.Offset { return geo.Offset(number.Draw(t, name)) }
	head := Head{First: offset("first"), Last: offset("last"), Time: rapid.Int64().Draw(t, "time"), Bytes: number.Draw(t, "bytes"), Entries: number.Draw(t, "entries")}
	switch kind := Kind(rapid.IntRange(int(KindHello), int(KindDeletion)).Draw(t, "kind")); kind {
	case KindHello:
		digest := drawDigest(t)
		return &Hello{Session: session, MinVersion: 1, MaxVersion: 3, Log: "ORDERS@us-east", To: "eu-west", From: offset("from"), Last: &digest,
			Epochs: drawEpochs(t), Unsealed: geo.Block(number.Draw(t, "unsealed")), Credit: number.Draw(t, "credit"), Frame: 65536,
			Codecs: []string{"zstd", "s2"}, Heartbeat: time.Duration(rapid.Int64().Draw(t, "heartbeat")), Deletions: number.Draw(t, "deletions"),
			Gaps: geo.Ranges{{First: 5, Last: 9}}}
	case KindWelcome:
		return &Welcome{Session: session, Version: 1, Holder: "us-east", From: offset("from"), Head: head, Codec: "s2", Epochs: drawEpochs(t)}
	case KindRefusal:
		return &Refusal{Session: session, Cause: CauseTrimmed, Text: rapid.String().Draw(t, "text")}
	case KindFrame:
		return &Frame{Session: session, Number: number.Draw(t, "number"), First: offset("first")>>1 + 1, Count: rapid.Uint32Range(1, MaxEntries).Draw(t, "count"),
			Raw: rapid.Uint32().Draw(t, "raw"), Codec: Codec(rapid.Byte().Draw(t, "codec")), Payload: rapid.SliceOf(rapid.Byte()).Draw(t, "payload")}
	case KindSeal:
		block := geo.Block(rapid.Uint64Range(0, maxBlock).Draw(t, "block"))
		note := &SealNote{Session: session, From: geo.Block(rapid.Uint64Range(0, uint64(block)).Draw(t, "from")), Seal: geo.Seal{Block: block, Digest: drawDigest(t)}}
		for range rapid.IntRange(0, 5).Draw(t, "holes") {
			note.Seal.Absent = append(note.Seal.Absent, offset("absent"))
		}
		return note
	case KindHole:
		first := offset("hole") >> 1
		return &Hole{Session: session, Number: number.Draw(t, "number"), First: first + 1, Last: first + 1 + offset("length")>>2, Why: Why(rapid.Byte().Draw(t, "why"))}
	case KindDeletion:
		return &DeletionNote{Session: session, Number: number.Draw(t, "number"), Deletion: drawDeletion(t)}
	case KindBeat:
		return &Beat{Session: session, Frames: number.Draw(t, "frames"), Sealed: geo.Block(number.Draw(t, "sealed")), Head: head}
	case KindCredit:
		return &Credit{Session: session, Granted: number.Draw(t, "granted"), Applied: offset("applied")}
	default:
		return &Bye{Session: session, Cause: rapid.SampledFrom(known).Draw(t, "cause")}
	}
}

func TestEveryMessageComesBackAsItWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		front := rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "front")
		data := Encode(bytes.Clone(front), m)
		if !bytes.HasPrefix(data, front) {
			t.Fatal("Encode overwrote what stood before")
		}
		got, err := Decode(data[len(front):])
		if err != nil {
			t.Fatalf("Decode(%T): %v", m, err)
		}
		if f, ok := got.(*Frame); ok && len(f.Payload) == 0 {
			f.Payload, m.(*Frame).Payload = nil, nil
		}
		if !reflect.DeepEqual(got, m) {
			t.Fatalf("came back as %+v, went as %+v", got, m)
		}
	})
}

func samples() []Message {
	digest := entry.Digest{1, 2, 3}
	return []Message{
		&Hello{Session: 7, MinVersion: 1, MaxVersion: 1, Log: "ORDERS@us-east", To: "eu-west", From: 11, Last: &digest, Epochs: geo.FirstEpochs(), Codecs: []string{"zstd"}, Heartbeat: time.Second},
		&Welcome{Session: 7, Version: 1, Holder: "us-east", From: 11, Codec: "zstd", Epochs: geo.FirstEpochs()},
		&Refusal{Session: 7, Cause: CauseNoLog, Text: "no"},
		sampleFrame(Zstd, 3),
		&SealNote{Session: 7, From: 2, Seal: geo.Seal{Block: 3, Digest: digest, Absent: []geo.Offset{3073}}},
		&Hole{Session: 7, Number: 2, First: 11, Last: 20, Why: WhyDeletion},
		&DeletionNote{Session: 7, Number: 3, Deletion: sampleDeletion(1, 11, 12)},
		&Beat{Session: 7, Head: Head{First: 1, Last: 2, Time: 3, Bytes: 4, Entries: 5}},
		&Credit{Session: 7, Granted: 1, Applied: 2},
		&Bye{Session: 7, Cause: CauseDone},
	}
}

// sampleDeletion names offsets of one block.
func sampleDeletion(number uint64, offsets ...geo.Offset) geo.Deletion {
	return geo.Deletion{Number: number, Block: geo.BlockOf(offsets[0]), Offsets: offsets, Digests: make([][16]byte, len(offsets)), At: 5, Reason: "asked for"}
}

func sampleFrame(codec Codec, entries int) *Frame {
	var p Packer
	for i := range entries {
		p.Add(&entry.Entry{Offset: geo.Offset(11 + i), Time: int64(i), Subject: []byte("orders.created"), Header: []byte("NATS/1.0\r\nA: b\r\n\r\n"), Body: bytes.Repeat([]byte("body "), 20)})
	}
	f := p.Pack(codec)
	f.Session, f.Number = 7, 1
	return f
}

func TestAFlippedBitOrACutIsRefusedInEveryMessage(t *testing.T) {
	for _, m := range samples() {
		data := Encode(nil, m)
		for bit := range 8 * len(data) {
			damaged := bytes.Clone(data)
			damaged[bit/8] ^= 1 << (bit % 8)
			if _, err := Decode(damaged); !errors.Is(err, ErrMessage) {
				t.Fatalf("%s: bit %d of %d flipped and taken (%v)", m.Kind(), bit, 8*len(data), err)
			}
		}
		for n := range data {
			if _, err := Decode(data[:n]); !errors.Is(err, ErrMessage) {
				t.Fatalf("%s: cut to %d of %d bytes and taken (%v)", m.Kind(), n, len(data), err)
			}
		}
	}
}

// signed gives a body of foreign bytes a right checksum.
func signed(body []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(body), crc32.Checksum(body, castagnoli))
}

func TestFieldsThatContradictThemselvesAreRefused(t *testing.T) {
	frame := func(change func(*Frame)) []byte {
		f := sampleFrame(None, 1)
		change(f)
		return Encode(nil, f)
	}
	hole := func(first, last geo.Offset) []byte { return Encode(nil, &Hole{First: first, Last: last}) }
	deletion := func(change func(*geo.Deletion)) []byte {
		d := sampleDeletion(1, 11, 12)
		change(&d)
		return Encode(nil, &DeletionNote{Deletion: d})
	}
	whole := Encode(nil, &DeletionNote{Deletion: sampleDeletion(1, 11, 12)})
	claims := bytes.Clone(whole[:len(whole)-checksumLen])
	binary.LittleEndian.PutUint32(claims[1+deletionHeader-4:], geo.BlockSize)
	for name, data := range map[string][]byte{
		"hole at offset 0":           hole(0, 5),
		"hole that ends before":      hole(5, 4),
		"hole without an end":        hole(5, ^geo.Offset(0)),
		"long hole":                  signed(append([]byte{byte(KindHole)}, make([]byte, 34)...)),
		"deletion of nothing":        deletion(func(d *geo.Deletion) { d.Offsets, d.Digests = nil, nil }),
		"deletion without a number":  deletion(func(d *geo.Deletion) { d.Number = 0 }),
		"deletion in another block":  deletion(func(d *geo.Deletion) { d.Block = 1 }),
		"deletion out of order":      deletion(func(d *geo.Deletion) { d.Offsets = []geo.Offset{12, 11} }),
		"deletion beyond all blocks": deletion(func(d *geo.Deletion) { d.Block = maxBlock + 1 }),
		"deletion of too many": deletion(func(d *geo.Deletion) {
			d.Offsets, d.Digests = make([]geo.Offset, geo.BlockSize+1), make([][16]byte, geo.BlockSize+1)
		}),
		"deletion that claims too much": signed(claims),
		"deletion cut off":              signed(whole[:deletionHeader]),
		"endless reason":                signed(append(bytes.Clone(whole[:len(whole)-checksumLen]), make([]byte, maxReason)...)),
		"no kind":                       signed(nil),
		"unknown kind":                  signed([]byte{99, 1, 2, 3}),
		"offset 0":                      frame(func(f *Frame) { f.First = 0 }),
		"no entry":                      frame(func(f *Frame) { f.Count = 0 }),
		"too many entries":              frame(func(f *Frame) { f.Count = MaxEntries + 1 }),
		"offsets run over":              frame(func(f *Frame) { f.First = ^geo.Offset(0) }),
		"short frame":                   signed(append([]byte{byte(KindFrame)}, make([]byte, frameHeader-2)...)),
		"seal of no block":              Encode(nil, &SealNote{Seal: geo.Seal{Block: maxBlock + 1}}),
		"seal from behind":              Encode(nil, &SealNote{From: 4, Seal: geo.Seal{Block: 3}}),
		"odd seal":                      signed(append([]byte{byte(KindSeal)}, make([]byte, 41)...)),
		"too many holes":                Encode(nil, &SealNote{Seal: geo.Seal{Absent: make([]geo.Offset, maxAbsent+1)}}),
		"long cause":                    Encode(nil, &Bye{Cause: Cause(bytes.Repeat([]byte("x"), maxCause+1))}),
		"long beat":                     signed(append([]byte{byte(KindBeat)}, make([]byte, 65)...)),
		"long credit":                   signed(append([]byte{byte(KindCredit)}, make([]byte, 25)...)),
		"hello that is none":            signed(append([]byte{byte(KindHello)}, `{"session":"x"}`...)),
		"hello without an end":          signed(append([]byte{byte(KindHello)}, `{"session":1`...)),
		"endless hello":                 signed(append([]byte{byte(KindHello)}, bytes.Repeat([]byte(" "), maxHandshake+1)...)),
	} {
		if m, err := Decode(data); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: taken as %+v (%v)", name, m, err)
		}
	}
}

func TestFieldsOfLaterVersionsAreIgnored(t *testing.T) {
	m, err := Decode(signed(append([]byte{byte(KindHello)}, `{"session":7,"max_version":9,"moon":"full","epochs":[]}`...)))
	if h, ok := m.(*Hello); err != nil || !ok || h.Session != 7 || h.MaxVersion != 9 {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestALongReasonIsCutOnTheWay(t *testing.T) {
	d := sampleDeletion(1, 11)
	d.Reason = strings.Repeat("x", maxReason+5)
	m, err := Decode(Encode(nil, &DeletionNote{Session: 7, Deletion: d}))
	note, ok := m.(*DeletionNote)
	if err != nil || !ok || len(note.Deletion.Reason) != maxReason || deletionSize(&d) != deletionSize(&note.Deletion) {
		t.Errorf("%v, %v", m, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range samples() {
		data := Encode(nil, m)
		f.Add(data[:len(data)-checksumLen])
	}
	f.Add([]byte(`{"codecs":["","","",""]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var m Message
		var err error
		used := least(func() { m, err = Decode(signed(body)) })
		if limit := uint64(64<<10 + 64*len(body)); used > limit {
			t.Errorf("%d bytes made Decode take %d", len(body), used)
		}
		if err != nil {
			return
		}
		again, err := Decode(Encode(nil, m))
		if err != nil || again.Kind() != m.Kind() || again.Of() != m.Of() {
			t.Errorf("%+v does not survive being sent: %v", m, err)
		}
	})
}

// TestSizesOnTheWire holds the table of DESIGN.md to the code.
func TestSizesOnTheWire(t *testing.T) {
	for size, m := range map[int]Message{
		38: &Frame{}, 45: &SealNote{}, 53: &SealNote{Seal: geo.Seal{Absent: make([]geo.Offset, 1)}}, 69: &Beat{}, 29: &Credit{}, 13: &Bye{},
	} {
		if got := len(Encode(nil, m)); got != size {
			t.Errorf("a %s takes %d bytes, not %d", m.Kind(), got, size)
		}
	}
	if got := len(Encode(nil, &Hole{})); got != 38 {
		t.Errorf("a hole takes %d bytes, not 38", got)
	}
	d := sampleDeletion(1, 11, 12)
	if got := len(Encode(nil, &DeletionNote{Deletion: d})); got != 49+2*24+len(d.Reason) || uint64(got) != deletionSize(&d) {
		t.Errorf("a deletion takes %d bytes and counts for %d", got, deletionSize(&d))
	}
	if FrameOverhead != 38 {
		t.Errorf("FrameOverhead is %d", FrameOverhead)
	}
}
