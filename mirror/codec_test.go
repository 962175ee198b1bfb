package mirror

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"reflect"
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

func drawMessage(t *rapid.T) Message {
	number := rapid.Uint64()
	session := Session(number.Draw(t, "session"))
	offset := func(name string) geo.Offset { return geo.Offset(number.Draw(t, name)) }
	head := Head{First: offset("first"), Last: offset("last"), Time: rapid.Int64().Draw(t, "time"), Bytes: number.Draw(t, "bytes"), Entries: number.Draw(t, "entries")}
	switch kind := Kind(rapid.IntRange(int(KindHello), int(KindBye)).Draw(t, "kind")); kind {
	case KindHello:
		digest := drawDigest(t)
		return &Hello{Session: session, MinVersion: 1, MaxVersion: 3, Log: "ORDERS@us-east", To: "eu-west", From: offset("from"), Last: &digest,
			Epochs: drawEpochs(t), Unsealed: geo.Block(number.Draw(t, "unsealed")), Credit: number.Draw(t, "credit"), Frame: 65536,
			Codecs: []string{"zstd", "s2"}, Heartbeat: time.Duration(rapid.Int64().Draw(t, "heartbeat"))}
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
		&Beat{Session: 7, Head: Head{First: 1, Last: 2, Time: 3, Bytes: 4, Entries: 5}},
		&Credit{Session: 7, Granted: 1, Applied: 2},
		&Bye{Session: 7, Cause: CauseDone},
	}
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
	for name, data := range map[string][]byte{
		"no kind":              signed(nil),
		"unknown kind":         signed([]byte{99, 1, 2, 3}),
		"offset 0":             frame(func(f *Frame) { f.First = 0 }),
		"no entry":             frame(func(f *Frame) { f.Count = 0 }),
		"too many entries":     frame(func(f *Frame) { f.Count = MaxEntries + 1 }),
		"offsets run over":     frame(func(f *Frame) { f.First = ^geo.Offset(0) }),
		"short frame":          signed(append([]byte{byte(KindFrame)}, make([]byte, frameHeader-2)...)),
		"seal of no block":     Encode(nil, &SealNote{Seal: geo.Seal{Block: maxBlock + 1}}),
		"seal from behind":     Encode(nil, &SealNote{From: 4, Seal: geo.Seal{Block: 3}}),
		"odd seal":             signed(append([]byte{byte(KindSeal)}, make([]byte, 41)...)),
		"too many holes":       Encode(nil, &SealNote{Seal: geo.Seal{Absent: make([]geo.Offset, maxAbsent+1)}}),
		"long cause":           Encode(nil, &Bye{Cause: Cause(bytes.Repeat([]byte("x"), maxCause+1))}),
		"long beat":            signed(append([]byte{byte(KindBeat)}, make([]byte, 65)...)),
		"long credit":          signed(append([]byte{byte(KindCredit)}, make([]byte, 25)...)),
		"hello that is none":   signed(append([]byte{byte(KindHello)}, `{"session":"x"}`...)),
		"hello without an end": signed(append([]byte{byte(KindHello)}, `{"session":1`...)),
		"endless hello":        signed(append([]byte{byte(KindHello)}, bytes.Repeat([]byte(" "), maxHandshake+1)...)),
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
	if FrameOverhead != 38 {
		t.Errorf("FrameOverhead is %d", FrameOverhead)
	}
}
