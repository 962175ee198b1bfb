package geo

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestEveryOffsetLiesInItsBlock(t *testing.T) {
	for o, want := range map[Offset]Block{1: 0, 1024: 0, 1025: 1, 2048: 1, 2049: 2} {
		if got := BlockOf(o); got != want {
			t.Errorf("offset %d is in block %d, want %d", o, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		o := Offset(rapid.Uint64Range(1, 1<<62).Draw(t, "offset"))
		b := BlockOf(o)
		r := b.Range()
		if !r.Contains(o) || r.Len() != BlockSize || BlockOf(r.First) != b || BlockOf(r.Last) != b || BlockOf(r.Last+1) != b+1 {
			t.Fatalf("offset %d, block %d, %s", o, b, r)
		}
	})
}

func TestRanges(t *testing.T) {
	for _, c := range []struct {
		r    Range
		len  uint64
		text string
	}{
		{Range{5, 9}, 5, "5…9"}, {Range{5, 5}, 1, "5"}, {Range{6, 5}, 0, "none"}, {Range{1, 0}, 0, "none"}, {Extent{First: 3, Last: 2}.Range(), 0, "none"},
	} {
		if c.r.Len() != c.len || c.r.String() != c.text {
			t.Errorf("%+v: %d, %s", c.r, c.r.Len(), c.r)
		}
	}
	if got := (Range{1, 10}).Intersect(Range{5, 20}); got != (Range{5, 10}) {
		t.Errorf("intersection %v", got)
	}
	if got := (Range{1, 4}).Intersect(Range{5, 20}); got.Len() != 0 || got.Contains(4) || got.Contains(5) {
		t.Errorf("intersection %v", got)
	}
}

func TestEpochTables(t *testing.T) {
	table, err := ParseEpochs("1:0:1,2:100:20000,5:20005:40000")
	if err != nil {
		t.Fatal(err)
	}
	for o, want := range map[Offset]uint64{0: 0, 1: 1, 100: 1, 101: 0, 19999: 0, 20000: 2, 20005: 2, 20006: 0, 40000: 5, 1 << 40: 5} {
		if got := table.At(o); got != want {
			t.Errorf("offset %d belongs to epoch %d, want %d", o, got, want)
		}
	}
	if again, err := ParseEpochs(table.String()); err != nil || again.String() != table.String() {
		t.Errorf("%s: %v", again, err)
	}
	if !table.Extends(table[:2]) || !table.Extends(nil) || table[:2].Extends(table) || table.Extends(Epochs{{1, 0, 2}}) {
		t.Error("Extends")
	}
	if table.Latest().Number != 5 || (Epochs{}).Latest() != (Epoch{}) || (Epochs{}).At(7) != 0 {
		t.Error("Latest")
	}
	if err := FirstEpochs().Validate(); err != nil {
		t.Error(err)
	}
}

func TestEpochTablesThatContradictThemselves(t *testing.T) {
	for _, bad := range []string{"", "1:0", "a:0:1", "1:0:0", "0:0:1", "1:5:5", "1:0:1,1:5:6", "2:0:1,1:5:6", "1:9:10,2:3:20", "1:0:1,", "1:0:-1", "1:0:18446744073709551616"} {
		if table, err := ParseEpochs(bad); !errors.Is(err, ErrEpochs) {
			t.Errorf("%q: %v, %v", bad, table, err)
		}
	}
}

func FuzzParseEpochs(f *testing.F) {
	f.Add("1:0:1,2:100:20000")
	f.Add("1:18446744073709551615:0")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ParseEpochs(text)
		if err != nil {
			return
		}
		if again, err := ParseEpochs(table.String()); err != nil || !again.Extends(table) || !table.Extends(again) {
			t.Errorf("%q becomes %q (%v)", text, again, err)
		}
	})
}
