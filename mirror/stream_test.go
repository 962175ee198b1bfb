package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"geomq/geo"
	"geomq/geo/entry"
)

// filled packs entries of a busy log until n full frames are there.
func filled(n int) (frames []*Frame, entries [][]entry.Entry) {
	var p Packer
	var some []entry.Entry
	for o := geo.Offset(1); len(frames) < n; o++ {
		e := entry.Entry{Offset: o, Time: int64(o) * 1000, Subject: []byte("orders.created"), Body: fmt.Appendf(nil, `{"number":%d,"digest":"%x"}`, o, uint64(o)*0x9e3779b97f4a7c15)}
		if p.Size()+e.Size() > 64<<10 {
			frames, entries, some = append(frames, p.PackFull(zstdStream)), append(entries, some), nil
		}
		p.Add(&e)
		some = append(some, e)
	}
	return frames, entries
}

// streaming gives the slots that a test's streams took back.
func streaming(t *testing.T) {
	before := streams.Load()
	t.Cleanup(func() { streams.Store(before) })
}

func TestFullFramesInARowAreOneStream(t *testing.T) {
	streaming(t)
	frames, entries := filled(5)
	shared := new(unpackStream)
	turns := [2]Unpacker{{stream: shared}, {stream: shared}}
	for i, f := range frames {
		if want := zstdNext; i == 0 && f.Codec != zstdFirst || i > 0 && f.Codec != want {
			t.Errorf("frame %d has %s", i, f.Codec)
		}
		got, err := turns[i%2].Unpack(nil, f)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if len(got) != len(entries[i]) {
			t.Fatalf("frame %d has %d entries, want %d", i, len(got), len(entries[i]))
		}
		for j := range got {
			if got[j].Offset != entries[i][j].Offset || !bytes.Equal(got[j].Body, entries[i][j].Body) {
				t.Fatalf("entry %d is %+v", j, got[j])
			}
		}
	}
}

func TestAStreamThatDoesNotBeginOrIsDamagedIsRefused(t *testing.T) {
	streaming(t)
	frames, _ := filled(3)
	cut := *frames[1]
	cut.Payload = cut.Payload[:len(cut.Payload)/2]
	longer := *frames[1]
	longer.Payload = append(bytes.Clone(longer.Payload), frames[2].Payload...)
	less := *frames[1]
	less.Raw--
	bomb := *frames[1]
	bomb.Raw = MaxRaw
	for name, sequence := range map[string][]*Frame{
		"no beginning": {frames[1]}, "cut off": {frames[0], &cut}, "two at once": {frames[0], &longer},
		"longer than it claims": {frames[0], &less}, "a bomb": {frames[0], &bomb},
	} {
		var u Unpacker
		var err error
		for _, f := range sequence {
			_, err = u.Unpack(nil, f)
		}
		if !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestALinkThatKeepsUpHoldsNoWindow: the frame that ends a stretch of full ones
// travels alone, and both sides let go of what the stream took.
func TestALinkThatKeepsUpHoldsNoWindow(t *testing.T) {
	before := streams.Load()
	var p Packer
	var u Unpacker
	for i, pack := range []func(Codec) *Frame{p.PackFull, p.PackFull, p.Pack, p.PackFull, p.Pack} {
		p.Add(&entry.Entry{Offset: geo.Offset(i + 1), Subject: []byte("s"), Body: bytes.Repeat([]byte("more of the same, "), 100)})
		if _, err := u.Unpack(nil, pack(zstdStream)); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	if p.stream.encoder != nil || u.stream.decoder != nil || streams.Load() != before {
		t.Error("a window is kept")
	}
}

// TestOnlySoManyStreamsAreSentAtOnce: the links beyond send frames of their own.
func TestOnlySoManyStreamsAreSentAtOnce(t *testing.T) {
	streaming(t)
	var packers [maxStreams + 1]Packer
	for i := range packers {
		p := &packers[i]
		p.Add(&entry.Entry{Offset: 1, Subject: []byte("s"), Body: make([]byte, 1000)})
		want := zstdFirst
		if i == maxStreams {
			want = Zstd
		}
		if f := p.PackFull(zstdStream); f.Codec != want {
			t.Fatalf("stream %d: its frame has %s, not %s", i, f.Codec, want)
		}
	}
	packers[0].Close()
	last := &packers[maxStreams]
	last.Add(&entry.Entry{Offset: 2, Subject: []byte("s"), Body: make([]byte, 1000)})
	if f := last.PackFull(zstdStream); f.Codec != zstdFirst {
		t.Errorf("a slot is free, and the frame has %s", f.Codec)
	}
}

// TestASourceThatDoesNotKnowStreamsIsUnderstood: an older build knows other names
// only, and one that knows streams is not asked for what the sink can't undo.
func TestASourceThatDoesNotKnowStreamsIsUnderstood(t *testing.T) {
	for _, c := range []struct {
		sink []string
		want string
	}{
		{[]string{"zstd"}, "[zstd-stream zstd]"},
		{[]string{"s2", "zstd"}, "[s2 zstd-stream zstd]"},
		{[]string{"s2"}, "[s2]"},
		{nil, "[]"},
	} {
		if got := fmt.Sprint(offered(c.sink)); got != c.want {
			t.Errorf("of %v %s are offered, want %s", c.sink, got, c.want)
		}
	}
	for name := range map[string]bool{"zstd-first": true, "zstd-next": true} {
		if _, known := ParseCodec(name); known {
			t.Errorf("%s is a codec to choose", name)
		}
	}
}

// FuzzUnpackStream gives two frames of one stream in a row.
func FuzzUnpackStream(f *testing.F) {
	frames, _ := filled(2)
	f.Add(frames[0].Count, frames[0].Raw, frames[0].Payload, frames[1].Count, frames[1].Raw, frames[1].Payload)
	f.Add(frames[0].Count, frames[0].Raw, frames[0].Payload, frames[1].Count, uint32(MaxRaw), frames[1].Payload)
	f.Add(frames[0].Count, frames[0].Raw-1, frames[0].Payload, frames[1].Count, frames[1].Raw, frames[1].Payload[:10])
	f.Add(uint32(1), uint32(10), []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58}, uint32(1), uint32(1), []byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, count1, raw1 uint32, payload1 []byte, count2, raw2 uint32, payload2 []byte) {
		var u Unpacker
		defer func() { u.stream.end() }()
		for _, frame := range []*Frame{
			{First: 1, Count: count1, Raw: raw1, Codec: zstdFirst, Payload: payload1},
			{First: 1, Count: count2, Raw: raw2, Codec: zstdNext, Payload: payload2},
		} {
			var got []entry.Entry
			var err error
			used := allocated(func() { got, err = u.Unpack(nil, frame) })
			if used > 2*MaxRaw {
				t.Errorf("%d bytes of payload took %d", len(frame.Payload), used)
			}
			if err != nil && (!errors.Is(err, ErrFrame) || len(got) > 0) {
				t.Errorf("%d entries of a damaged frame: %v", len(got), err)
			}
		}
	})
}
