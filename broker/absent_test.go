package broker

import (
	"errors"
	"fmt"
	"testing"

	"geomq/geo"
	"geomq/geo/entry"
)

// without is entries without those at some offsets.
func without(entries []entry.Entry, offsets ...geo.Offset) []entry.Entry {
	var left []entry.Entry
	gone := map[geo.Offset]bool{}
	for _, o := range offsets {
		gone[o] = true
	}
	for _, e := range entries {
		if !gone[e.Offset] {
			left = append(left, e)
		}
	}
	return left
}

// TestDeletedEntriesStayAway: from the middle, the front, the end, all of a
// stretch; again, and of what never was; and after a restart.
func TestDeletedEntriesStayAway(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	l := openOrigin(t, b)
	produce(t, l, unkeyed(1, 100))
	all := readTo(t, l, 1, 100)
	gone := []geo.Offset{1, 2, 40, 41, 42, 60, 98, 99, 100}
	for range 2 {
		if err := l.DeleteEntries(deadline(t), append(gone, 101, 500)); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		sameExtent(t, l, 3, 100, 91)
		sameEntries(t, readTo(t, l, 1, 97), without(all, gone...))
		for _, c := range []struct {
			in   geo.Range
			want string
		}{
			{geo.Range{First: 1, Last: 1 << 40}, "[40…42 60 98…100]"}, {geo.Range{First: 41, Last: 60}, "[41…42 60]"},
			{geo.Range{First: 43, Last: 59}, "[]"}, {geo.Range{First: 99, Last: 99}, "[99]"}, {geo.Range{First: 9, Last: 5}, "[]"},
		} {
			listed, err := l.Missing(deadline(t), c.in)
			if err != nil || fmt.Sprint(listed) != c.want {
				t.Errorf("of %v is missing %v, %v, want %s", c.in, listed, err, c.want)
			}
			if in := c.in.Intersect(extentOf(t, l).Range()); in.Len() > 0 {
				scanned, err := l.scanMissing(deadline(t), in)
				if err != nil || fmt.Sprint(scanned) != c.want {
					t.Errorf("of %v is missing %v by reading, %v, want %s", c.in, scanned, err, c.want)
				}
			}
		}
	}
	check()
	b.Close()
	b = openBroker(t, cfg)
	l = openOrigin(t, b)
	check()
	produce(t, l, unkeyed(101, 101))
	sameExtent(t, l, 3, 101, 92)
	if err := l.DeleteEntries(deadline(t), offsets(3, 101)); err != nil {
		t.Fatal(err)
	}
	sameExtent(t, l, 102, 101, 0)
	if missing, err := l.Missing(deadline(t), geo.Range{First: 1, Last: 200}); err != nil || len(missing) > 0 {
		t.Fatalf("got %v, %v", missing, err)
	}
}

func offsets(first, last geo.Offset) (all []geo.Offset) {
	for o := first; o <= last; o++ {
		all = append(all, o)
	}
	return all
}

// TestALargeHoleCanBeListed: a margin at a high rate.
func TestALargeHoleCanBeListed(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	appendAll(t, l, AppendConfig{}, made(1, 10))
	skip(t, l, 10, 300_010)
	appendAll(t, l, AppendConfig{Last: 300_010}, made(300_011, 300_020))
	missing, err := l.Missing(deadline(t), geo.Range{First: 5, Last: 1 << 50})
	if err != nil || fmt.Sprint(missing) != "[11…300010]" {
		t.Fatalf("got %v, %v", missing, err)
	}
}

func TestAcceptedGapsAreKept(t *testing.T) {
	cfg := testConfig(t, "eu-west")
	b := openBroker(t, cfg)
	l := openReplica(t, b, 1)
	if gaps, err := l.Gaps(deadline(t)); err != nil || len(gaps) > 0 {
		t.Fatalf("got %v, %v", gaps, err)
	}
	appendAll(t, l, AppendConfig{}, made(1, 50))
	want := geo.Ranges{{First: 5, Last: 9}, {First: 40, Last: 40}}
	if err := l.SetGaps(deadline(t), want); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b = openBroker(t, cfg)
	l = openReplica(t, b, 1)
	if gaps, err := l.Gaps(deadline(t)); err != nil || fmt.Sprint(gaps) != fmt.Sprint(want) {
		t.Fatalf("got %v, %v", gaps, err)
	}
	if err := l.Trim(deadline(t), 8); err != nil {
		t.Fatal(err)
	}
	if err := l.SetGaps(deadline(t), want.Add(geo.Range{First: 45, Last: 46})); err != nil {
		t.Fatal(err)
	}
	if gaps, err := l.Gaps(deadline(t)); err != nil || fmt.Sprint(gaps) != "[8…9 40 45…46]" {
		t.Fatalf("got %v, %v", gaps, err)
	}
	if err := l.SetGaps(deadline(t), nil); err != nil {
		t.Fatal(err)
	}
	if gaps, err := l.Gaps(deadline(t)); err != nil || len(gaps) > 0 {
		t.Fatalf("got %v, %v", gaps, err)
	}
	info, err := b.api.streamInfo(deadline(t), orders.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.api.updateStream(deadline(t), withMetadata(info.Config, metaGaps, "x")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Gaps(deadline(t)); !errors.Is(err, ErrMetadata) {
		t.Fatalf("got %v", err)
	}
}
