package scrub

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror"
)

func samplePatch(n, size int) Patch {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	p := Patch{Block: 1, Kind: mirror.Lacking, From: "us-east", Found: time.Unix(1e9, 0).UTC(), Drop: []geo.Offset{2047, 2048}}
	for _, e := range list(2046, size)[1024:] {
		if len(p.Entries) < n && r.IntN(3) > 0 {
			p.Entries = append(p.Entries, e)
		}
	}
	return p
}

func TestPatchesComeBackFromTheirParts(t *testing.T) {
	var h entry.Hasher
	for n, size := range map[int]int{0: 0, 1: 10, 2: 200_000, 30: 5000, 600: 100} {
		p := samplePatch(n, size)
		parts := p.Parts(50_000)
		for _, part := range parts {
			if len(part) > max(50_000, size)+(64<<10)+16<<10 {
				t.Errorf("%d entries of %d bytes: a part of %d bytes", n, size, len(part))
			}
		}
		got, err := ParsePatch(parts)
		if err != nil || got.Block != 1 || got.Kind != p.Kind || got.From != p.From || !got.Found.Equal(p.Found) || len(got.Drop) != 2 || len(got.Entries) != len(p.Entries) {
			t.Fatalf("%d entries of %d bytes: %v, %d entries", n, size, err, len(got.Entries))
		}
		for i := range got.Entries {
			if h.Entry(&got.Entries[i]) != h.Entry(&p.Entries[i]) {
				t.Fatalf("entry %d is another one", i)
			}
		}
	}
}

func TestAPatchThatIsNotWholeIsRefused(t *testing.T) {
	p, q := samplePatch(600, 100), samplePatch(600, 100)
	q.Block = 2
	for i := range q.Entries {
		q.Entries[i].Offset += geo.BlockSize
	}
	q.Drop = nil
	parts, others := p.Parts(10_000), q.Parts(10_000)
	if len(parts) < 3 || len(others) != len(parts) {
		t.Fatalf("%d and %d parts", len(parts), len(others))
	}
	mixed := append([][]byte{parts[0], others[1]}, parts[2:]...)
	swapped := append([][]byte{parts[1], parts[0]}, parts[2:]...)
	for name, bad := range map[string][][]byte{
		"nothing": nil, "the last is missing": parts[:len(parts)-1], "the first is missing": parts[1:],
		"another's": mixed, "swapped": swapped, "empty": {{}}, "twice": append(parts[:1:1], parts...),
	} {
		if _, err := ParsePatch(bad); !errors.Is(err, ErrPatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	outside := samplePatch(5, 10)
	outside.Entries[0].Offset = 7
	both := samplePatch(5, 10)
	both.Drop = []geo.Offset{both.Entries[0].Offset}
	for _, bad := range []Patch{outside, both, {Block: 1 << 60}} {
		if _, err := ParsePatch(bad.Parts(1000)); !errors.Is(err, ErrPatch) {
			t.Errorf("%v", err)
		}
	}
}

// FuzzParsePatch reads what a store might give back. What passes has to be
// written the same way again.
func FuzzParsePatch(f *testing.F) {
	for n, size := range map[int]int{0: 0, 1: 10, 30: 500} {
		p := samplePatch(n, size)
		f.Add(p.Parts(1 << 20)[0])
	}
	f.Add([]byte{2, '{', '}'})
	f.Fuzz(func(t *testing.T, part []byte) {
		p, err := ParsePatch([][]byte{part})
		if err != nil {
			if !errors.Is(err, ErrPatch) {
				t.Fatalf("an error of its own: %v", err)
			}
			return
		}
		again, err := ParsePatch(p.Parts(1 << 30))
		if err != nil || again.Block != p.Block || len(again.Entries) != len(p.Entries) || len(again.Drop) != len(p.Drop) {
			t.Fatalf("written and read again: %v", err)
		}
		for i := range p.Entries {
			if again.Entries[i].Offset != p.Entries[i].Offset || !bytes.Equal(again.Entries[i].Body, p.Entries[i].Body) {
				t.Fatalf("entry %d is another one", i)
			}
		}
	})
}
