package verify

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"geomq/geo"
	"geomq/geo/entry"
)

// stretches runs a Digester over what m holds.
func stretches(t testing.TB, m *memory, r geo.Range, step uint64) []Stretch {
	t.Helper()
	var out []Stretch
	err := m.Digests(t.Context(), orders, r, step, func(s Stretch) error { out = append(out, s); return nil })
	if err != nil {
		t.Fatalf("Digests(%s, %d): %v", r, step, err)
	}
	return out
}

// TestStretchesCoverTheRange checks every stretch against digests that are put
// together without a Digester.
func TestStretchesCoverTheRange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := holder("us-east", withHoles(rt, listed(rapid.IntRange(1, 2500).Draw(rt, "entries"))))
		first := geo.Offset(rapid.IntRange(1, 2600).Draw(rt, "first"))
		r := geo.Range{First: first, Last: first + geo.Offset(rapid.IntRange(0, 4000).Draw(rt, "length")) - 1}
		next := r.First
		for _, s := range stretches(t, m, r, geo.BlockSize) {
			if s.Range.First != next || s.Range.Last > r.Last || geo.BlockOf(s.Range.First) != geo.BlockOf(s.Range.Last) {
				rt.Fatalf("%s behind %d in %s", s.Range, next-1, r)
			}
			var ones []entry.Digest
			present := uint64(0)
			for _, one := range stretches(t, m, s.Range, 1) {
				ones = append(ones, one.Digest)
				present += one.Entries
			}
			if uint64(len(ones)) != s.Range.Len() || entry.Combine(ones) != s.Digest || present != s.Entries {
				rt.Fatalf("%s has %d offsets, %d entries; told %d", s.Range, len(ones), present, s.Entries)
			}
			next = s.Range.Last + 1
		}
		if next != r.Last+1 {
			rt.Fatalf("ended at %d of %s", next-1, r)
		}
	})
}

func TestASealIsOfferedForWholeBlocksOnly(t *testing.T) {
	m := holder("us-east", listed(3000)).sealAll()
	for i, s := range stretches(t, m, geo.Range{First: 2, Last: 3000}, geo.BlockSize) {
		if whole := i == 1; (s.Sealed != nil) != whole || whole && *s.Sealed != s.Digest {
			t.Errorf("%s: %+v", s.Range, s)
		}
	}
}

func TestADigesterRefusesDisorder(t *testing.T) {
	yield := func(Stretch) error { return nil }
	for name, offsets := range map[string][]geo.Offset{
		"repeated": {5, 5}, "backwards": {6, 5}, "before the range": {4}, "behind the range": {21},
	} {
		d, err := NewDigester(DigesterConfig{Range: geo.Range{First: 5, Last: 20}, Step: 1024, Yield: yield})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range offsets {
			err = d.Add(&entry.Entry{Offset: o})
		}
		if !errors.Is(err, ErrOrder) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, step := range []uint64{0, 3, 2048} {
		if _, err := NewDigester(DigesterConfig{Range: geo.Range{First: 1, Last: 1}, Step: step}); !errors.Is(err, ErrStep) {
			t.Errorf("step %d: %v", step, err)
		}
	}
	for _, r := range []geo.Range{{First: 0, Last: 5}, {First: 5, Last: math.MaxUint64}} {
		if _, err := NewDigester(DigesterConfig{Range: r, Step: 1}); !errors.Is(err, ErrOrder) {
			t.Errorf("%s: %v", r, err)
		}
	}
}

func TestYieldsErrorEndsTheWork(t *testing.T) {
	m := holder("us-east", listed(5000))
	calls := 0
	err := m.Digests(t.Context(), orders, geo.Range{First: 1, Last: 5000}, 1024, func(Stretch) error { calls++; return errCut })
	if !errors.Is(err, errCut) || calls != 1 {
		t.Errorf("%v behind %d calls", err, calls)
	}
}

func FuzzStretch(f *testing.F) {
	whole := stretches(f, holder("us-east", listed(1024)).sealAll(), geo.Range{First: 1, Last: 1024}, 1024)
	text, err := json.Marshal(whole[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"first":1,"last":2,"digest":"zz"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s, again Stretch
		if json.Unmarshal(text, &s) != nil {
			return
		}
		written, err := json.Marshal(s)
		if err != nil || json.Unmarshal(written, &again) != nil {
			t.Fatalf("%q can't be read back: %v", written, err)
		}
		if again.Digest != s.Digest || again.Range != s.Range || again.Entries != s.Entries || (again.Sealed == nil) != (s.Sealed == nil) {
			t.Errorf("%+v came back as %+v", s, again)
		}
	})
}

// TestAHolderThatHasDeletedAnEntryEqualsOneThatHasNotYet: what the origin removes
// on purpose reaches holders at different times, and no seal is broken by it.
func TestAHolderThatHasDeletedAnEntryEqualsOneThatHasNotYet(t *testing.T) {
	var all []entry.Entry
	for o := geo.Offset(1); o <= 1500; o++ {
		all = append(all, entry.Entry{Offset: o, Subject: []byte("orders.created"), Body: []byte{byte(o)}})
	}
	var hasher entry.Hasher
	gone := map[geo.Offset]entry.Digest{7: hasher.Entry(&all[6]), 1500: hasher.Entry(&all[1499])}
	run := func(without bool, deleted func(geo.Offset) (entry.Digest, bool)) (out []Stretch) {
		cfg := DigesterConfig{Range: geo.Range{First: 1, Last: 1500}, Step: geo.BlockSize, Deleted: deleted,
			Yield: func(s Stretch) error { out = append(out, s); return nil }}
		err := Digest(cfg, func(yield func(*entry.Entry, error) bool) {
			for i := range all {
				if _, is := gone[all[i].Offset]; is && without {
					continue
				}
				if !yield(&all[i], nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	recorded := func(o geo.Offset) (entry.Digest, bool) { digest, ok := gone[o]; return digest, ok }
	before, after, unexplained := run(false, nil), run(true, recorded), run(true, nil)
	for i := range before {
		if before[i].Digest != after[i].Digest {
			t.Errorf("%s: deleting changed the digest", before[i].Range)
		}
		if before[i].Digest == unexplained[i].Digest {
			t.Errorf("%s: an entry that is missing without a reason goes unnoticed", before[i].Range)
		}
	}
	if after[0].Entries != 1023 {
		t.Errorf("%d entries are counted", after[0].Entries)
	}
}
