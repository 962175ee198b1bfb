package geo

import (
	"testing"

	"pgregory.net/rapid"
)

// TestRangesAreASet compares Ranges with a map of offsets.
func TestRangesAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set Ranges
		model := map[Offset]bool{}
		draw := func(name string) Range {
			first := Offset(rapid.IntRange(1, 60).Draw(t, name))
			return Range{First: first, Last: first + Offset(rapid.IntRange(0, 9).Draw(t, name+" length")) - 1}
		}
		for range rapid.IntRange(0, 12).Draw(t, "adds") {
			r := draw("added")
			set = set.Add(r)
			for o := r.First; o <= r.Last; o++ {
				model[o] = true
			}
		}
		for i := 1; i < len(set); i++ {
			if set[i-1].Last+1 >= set[i].First {
				t.Fatalf("%v and %v touch", set[i-1], set[i])
			}
		}
		asked := draw("asked")
		var within, without Ranges
		for o := asked.First; o <= asked.Last; o++ {
			one := Range{First: o, Last: o}
			if set.Contains(o) != model[o] {
				t.Fatalf("%v contains %d: %v", set, o, !model[o])
			}
			if model[o] {
				within = within.Add(one)
			} else {
				without = without.Add(one)
			}
		}
		if uint64(len(model)) != set.Len() {
			t.Fatalf("%v has %d offsets, counts %d", set, len(model), set.Len())
		}
		if set.Covers(asked) != (without.Len() == 0) {
			t.Fatalf("%v covers %v: %v", set, asked, set.Covers(asked))
		}
		if got := set.Intersect(asked); !same(got, within) {
			t.Fatalf("%v ∩ %v = %v, not %v", set, asked, got, within)
		}
		if got := set.Without(asked); !same(got, without) {
			t.Fatalf("%v without %v = %v, not %v", asked, set, got, without)
		}
	})
}

func same(a, b Ranges) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
