package mirror

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"geomq/geo"
)

// offsetKind is what a model log has at one offset.
type offsetKind int

const (
	entryThere offsetKind = iota
	skippedThere
	deletedThere
	acceptedThere
	missingThere
)

// modelLog is a log of up to a hundred offsets behind offset 10, each of any kind.
type modelLog struct {
	kinds     map[geo.Offset]offsetKind
	last      geo.Offset
	epochs    geo.Epochs
	gaps      geo.Ranges
	deletions []geo.Deletion
}

func drawLog(t *rapid.T, withMissing bool) *modelLog {
	l := &modelLog{kinds: map[geo.Offset]offsetKind{}, last: 10, epochs: geo.FirstEpochs()}
	most := int(acceptedThere)
	if withMissing {
		most = int(missingThere)
	}
	for range rapid.IntRange(1, 12).Draw(t, "stretches") {
		kind := offsetKind(rapid.IntRange(0, most).Draw(t, "kind"))
		r := geo.Range{First: l.last + 1, Last: l.last + geo.Offset(rapid.IntRange(1, 8).Draw(t, "length"))}
		l.last = r.Last
		l.put(kind, r)
	}
	l.put(entryThere, geo.Range{First: l.last + 1, Last: l.last + 1})
	l.last++
	return l
}

func (l *modelLog) put(kind offsetKind, r geo.Range) {
	if kind == skippedThere && l.kinds[r.First-1] == skippedThere {
		kind = entryThere // an epoch has at least one offset
	}
	for o := r.First; o <= r.Last; o++ {
		l.kinds[o] = kind
	}
	switch kind {
	case skippedThere:
		l.epochs = append(l.epochs, geo.Epoch{Number: l.epochs.Latest().Number + 1, PrevEnd: r.First - 1, First: r.Last + 1})
	case acceptedThere:
		l.gaps = l.gaps.Add(r)
	case deletedThere:
		var offsets []geo.Offset
		for o := r.First; o <= r.Last; o++ {
			offsets = append(offsets, o)
		}
		l.deletions = append(l.deletions, sampleDeletion(uint64(len(l.deletions))+1, offsets...))
	}
}

// firstMissing is the first offset that nothing explains, 0 if there is none.
func (l *modelLog) firstMissing() geo.Offset {
	for o := geo.Offset(11); o <= l.last; o++ {
		if l.kinds[o] == missingThere {
			return o
		}
	}
	return 0
}

// TestASourceExplainsEveryJump: whatever lies between the entries, what a source
// sends has no jump, calls no entry a hole, and ends at what it can't explain. Some
// deletions it hears of only when it looks.
func TestASourceExplainsEveryJump(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t, true)
		early := rapid.IntRange(0, len(l.deletions)).Draw(t, "early")
		s := NewSource()
		extent := geo.Extent{First: 1, Last: l.last, Epochs: l.epochs}
		held := Held{Exists: true, Region: "us-east", Extent: extent, Deletions: l.deletions[:early]}
		for _, d := range l.deletions[:early] {
			for _, o := range d.Offsets {
				held.Deleted.add(o)
			}
		}
		hello := &Hello{Session: 7, MinVersion: 1, MaxVersion: 2, Log: "ORDERS@us-east", To: "eu-west", From: 11, Epochs: l.epochs, Gaps: l.gaps, Credit: 1 << 20, Heartbeat: time.Second}
		sent, number, cause := geo.Offset(10), uint64(0), Cause("")
		var noted []uint64
		var take func([]Action)
		take = func(actions []Action) {
			for _, action := range actions {
				switch a := action.(type) {
				case End:
					cause = a.Cause
				case Look:
					take(s.Step(Headed{extent, l.deletions[min(int(a.After), len(l.deletions)):]}))
				case Send:
					switch m := a.Message.(type) {
					case *Frame:
						if number++; m.Number != number || m.First != sent+1 {
							t.Fatalf("%s behind %d", describeMessage(m), sent)
						}
						sent = m.Last()
					case *Hole:
						if number++; m.Number != number || m.First != sent+1 {
							t.Fatalf("%s behind %d", describeMessage(m), sent)
						}
						for o := m.First; o <= m.Last; o++ {
							want := map[offsetKind]Why{skippedThere: WhyEpochs, deletedThere: WhyDeletion, acceptedThere: WhyAccepted}[l.kinds[o]]
							if m.Why != want {
								t.Fatalf("%s, but at %d is %d", describeMessage(m), o, l.kinds[o])
							}
						}
						sent = m.Last
					case *DeletionNote:
						number++
						noted = append(noted, m.Deletion.Number)
					}
				}
			}
		}
		take(s.Step(Opened{hello, held}))
		for o := geo.Offset(11); o <= l.last && cause == ""; o++ {
			if l.kinds[o] == entryThere {
				take(s.Step(Packed{&Frame{First: o, Count: 1, Raw: 1}}))
			}
			if rapid.IntRange(0, 9).Draw(t, "tick") == 0 {
				take(s.Step(Tick{}))
			}
		}
		missing := l.firstMissing()
		switch {
		case missing == 0 && (cause != "" || sent != l.last):
			t.Fatalf("ended for %q at %d of %d", cause, sent, l.last)
		case missing > 0 && (cause != CauseGap || sent >= missing):
			t.Fatalf("ended for %q at %d, though nothing explains %d", cause, sent, missing)
		}
		if !slices.IsSorted(noted) || missing == 0 && len(noted) != len(l.deletions) {
			t.Fatalf("%v were told of %d deletions", noted, len(l.deletions))
		}
	})
}

// TestASinkLeavesOutOnlyWhatItCanProve sends a sink holes of any size at any
// place.
func TestASinkLeavesOutOnlyWhatItCanProve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t, false)
		s := NewSink(SinkConfig{Session: 7, Log: ordersLog, Credit: 1 << 20, Heartbeat: time.Second, Answer: time.Hour})
		s.Step(Start{Stand{Exists: true, Last: 10, Epochs: l.epochs, Gaps: l.gaps}})
		s.Step(Received{&Welcome{Session: 7, Version: 2, Holder: "us-east", From: 11, Head: Head{First: 1, Last: l.last}, Codec: "none", Epochs: l.epochs}})
		for _, d := range l.deletions {
			s.Step(Received{&DeletionNote{Session: 7, Number: s.nextFrame, Deletion: d}})
		}
		for at := geo.Offset(11); at <= l.last; {
			if !s.Streaming() {
				t.Fatalf("ended before %d", at)
			}
			hole := &Hole{Session: 7, Number: s.nextFrame, First: at, Last: at + geo.Offset(rapid.IntRange(0, 9).Draw(t, "length")), Why: Why(rapid.IntRange(0, 5).Draw(t, "why"))}
			provable := true
			for o := hole.First; o <= hole.Last; o++ {
				kind, known := l.kinds[o]
				provable = provable && known && kind != entryThere
			}
			if rapid.Bool().Draw(t, "hole") {
				left := at
				for _, action := range s.Step(Received{hole}) {
					if leave, ok := action.(Leave); ok {
						if leave.First != left || !provable {
							t.Fatalf("%s behind %d for %s", describe(leave), left-1, describeMessage(hole))
						}
						left = leave.Last + 1
					}
				}
				if !provable {
					if s.Streaming() {
						t.Fatalf("%s was believed", describeMessage(hole))
					}
					return
				}
				if at = hole.Last + 1; left != at {
					t.Fatalf("left out up to %d of %s", left-1, describeMessage(hole))
				}
				continue
			}
			f := &Frame{Session: 7, Number: s.nextFrame, First: at, Count: 1, Raw: 1}
			actions := s.Step(Received{f})
			apply, ok := actions[0].(Apply)
			switch kind := l.kinds[at]; {
			case kind == skippedThere:
				if ok || s.Streaming() {
					t.Fatalf("an entry at %d was taken, between two epochs", at)
				}
				return
			case !ok || (kind == deletedThere) != (len(apply.Without) > 0):
				t.Fatalf("%s at %d, of kind %d", describe(actions[0]), at, kind)
			}
			at++
		}
	})
}
