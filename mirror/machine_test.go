package mirror

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"geomq/geo"
)

// TestASinkKeepsItsPromisesWhateverComes feeds a sink with messages that are
// mostly right, and holds what it does against a few lines of arithmetic.
func TestASinkKeepsItsPromisesWhateverComes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last := geo.Offset(rapid.IntRange(0, 3000).Draw(t, "last"))
		credit := uint64(rapid.IntRange(1, 2000).Draw(t, "credit"))
		s := NewSink(SinkConfig{Session: 7, Log: ordersLog, Credit: credit, Heartbeat: time.Second, Answer: time.Hour})
		s.Step(Start{Stand{Exists: true, Last: last, Epochs: geo.FirstEpochs()}})
		s.Step(Received{&Welcome{Session: 7, Version: 1, From: last + 1, Head: Head{First: 1, Last: last + 1<<20}, Codec: "none", Epochs: geo.FirstEpochs()}})
		if !s.Streaming() {
			t.Fatal("not streaming")
		}
		handed, applied, now, ended := last, last, time.Duration(0), false
		largest := uint64(0)
		for number := uint64(1); number < 60; number++ {
			var ev Event
			switch rapid.IntRange(0, 5).Draw(t, "event") {
			case 0, 1, 2:
				back := min(geo.Offset(rapid.IntRange(-1, 3).Draw(t, "back")+1), handed)
				f := &Frame{Session: 7, Number: s.nextFrame, First: handed + 2 - back, Count: rapid.Uint32Range(1, 600).Draw(t, "count"), Raw: rapid.Uint32Range(0, 900).Draw(t, "raw")}
				largest, ev = max(largest, uint64(f.Raw)), Received{f}
			case 3:
				applied = geo.Offset(rapid.Uint64Range(uint64(applied), uint64(handed)).Draw(t, "applied"))
				ev = Applied{Last: applied}
			case 4:
				now += time.Duration(rapid.IntRange(0, 1200).Draw(t, "ms")) * time.Millisecond
				ev = Tick{now}
			case 5:
				ev = Received{&SealNote{Session: 7, From: s.noted, Seal: geo.Seal{Block: s.noted + geo.Block(rapid.IntRange(0, 1).Draw(t, "block"))}}}
			}
			for _, action := range s.Step(ev) {
				if ended {
					t.Fatalf("%s after the end", describe(action))
				}
				switch a := action.(type) {
				case Apply:
					if a.Frame.First+geo.Offset(a.Skip) != handed+1 && a.Skip != a.Frame.Count {
						t.Fatalf("%s behind %d", describe(a), handed)
					}
					handed = max(handed, a.Frame.Last())
				case Check:
					if a.Seal.Block.Range().Last > applied {
						t.Fatalf("block %d is compared at %d", a.Seal.Block, applied)
					}
				case Trim:
					if a.First > applied+1 {
						t.Fatalf("trimmed before %d at %d", a.First, applied)
					}
				case End:
					ended = true
				}
			}
			if s.UnderWay() > max(credit, largest) {
				t.Fatalf("%d bytes under way of %d granted", s.UnderWay(), credit)
			}
		}
	})
}

// TestASourceSendsEveryOffsetOnceWhateverItIsTold likewise.
func TestASourceSendsEveryOffsetOnceWhateverItIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		credit := uint64(rapid.IntRange(1, 2000).Draw(t, "credit"))
		s := NewSource()
		hello := &Hello{Session: 7, MinVersion: 1, MaxVersion: 1, Log: "ORDERS@us-east", To: "eu-west", From: 1, Epochs: geo.FirstEpochs(), Credit: credit, Heartbeat: time.Second}
		s.Step(Opened{hello, Held{Exists: true, Region: "us-east", Extent: geo.Extent{First: 1, Last: 1 << 20, Epochs: geo.FirstEpochs()}}})
		var packed, sent, applied geo.Offset
		var number, bytes, freed, granted uint64 = 0, 0, 0, credit
		raw := map[geo.Offset]uint64{}
		for range 60 {
			var ev Event
			switch rapid.IntRange(0, 2).Draw(t, "event") {
			case 0:
				if !s.Wants() {
					continue
				}
				f := &Frame{First: packed + 1, Count: rapid.Uint32Range(1, 50).Draw(t, "count"), Raw: rapid.Uint32Range(1, 900).Draw(t, "raw")}
				packed, raw[f.Last()] = f.Last(), uint64(f.Raw)
				ev = Packed{f}
			case 1:
				to := geo.Offset(rapid.Uint64Range(uint64(applied), uint64(sent)).Draw(t, "applied"))
				for ; applied < to; applied++ {
					freed += raw[applied+1]
				}
				granted = freed + credit
				ev = Received{&Credit{Session: 7, Granted: granted, Applied: applied}}
			case 2:
				ev = Headed{Extent: geo.Extent{First: 1, Last: 1 << 20, Epochs: geo.FirstEpochs()}}
			}
			for _, action := range s.Step(ev) {
				send, ok := action.(Send)
				if !ok {
					continue
				}
				f, ok := send.Message.(*Frame)
				if !ok {
					continue
				}
				if number++; f.Number != number || f.First != sent+1 || f.Session != 7 {
					t.Fatalf("%s behind frame %d and offset %d", describeMessage(f), number-1, sent)
				}
				if bytes+uint64(f.Raw) > granted && applied != sent {
					t.Fatalf("%s is beyond the grant", describeMessage(f))
				}
				sent, bytes = f.Last(), bytes+uint64(f.Raw)
			}
		}
	})
}
