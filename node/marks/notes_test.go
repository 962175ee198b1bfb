package marks

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"geomq/geo"
)

func openNotes(t *testing.T, folder string) *Notes {
	t.Helper()
	n, err := OpenNotes(folder)
	must(t, err)
	return n
}

func wantNote(t *testing.T, n *Notes, stream string, seen, ceiling geo.Offset) {
	t.Helper()
	if note, ok := n.Note(stream); !ok || note.Seen != seen || note.Ceiling != ceiling {
		t.Errorf("%s: %+v, %v", stream, note, ok)
	}
}

func TestANoteIsRewrittenHalfWayToItsCeiling(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "notes")
	n := openNotes(t, folder)
	if _, ok := n.Note(orders); ok {
		t.Error("a promise out of nothing")
	}
	must(t, n.Seen(orders, 0, 0))
	wantNote(t, n, orders, 0, 50_000)
	must(t, n.Seen(orders, 25_000, 0))
	wantNote(t, n, orders, 0, 50_000)
	must(t, n.Seen(orders, 25_001, 0))
	wantNote(t, n, orders, 25_001, 75_001)
	must(t, n.Seen(orders, 25_002, 150_000)) // it has become fast
	wantNote(t, n, orders, 25_002, 475_002)
	must(t, n.Seen(orders, 800_000, 10)) // and slow again, but it was fast once
	wantNote(t, n, orders, 800_000, 1_250_000)
	must(t, n.Seen(orders, 20, 0)) // its tail is gone; what was promised was promised
	wantNote(t, n, orders, 800_000, 1_250_000)
	must(t, n.Seen("odd/../name", 7, 0))

	n = openNotes(t, folder)
	wantNote(t, n, orders, 800_000, 1_250_000)
	wantNote(t, n, "odd/../name", 7, 50_007)
	must(t, n.Seen(orders, 2_300_001, 0))
	wantNote(t, n, orders, 2_300_001, 2_750_001)

	must(t, n.Forget(orders))
	must(t, n.Forget("NEVER@was"))
	if _, ok := openNotes(t, folder).Note(orders); ok {
		t.Error("a forgotten log has a note")
	}
}

// TestACrashNeverFindsMoreThanWasPromised kills the process between any two calls
// and asks the disk.
func TestACrashNeverFindsMoreThanWasPromised(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		n, err := OpenNotes(folder)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Forget(orders)
		end := geo.Offset(rapid.Uint64Range(0, 1<<40).Draw(t, "end"))
		for range rapid.IntRange(1, 20).Draw(t, "calls") {
			rate := rapid.Uint64Range(0, 250_000).Draw(t, "rate")
			end += geo.Offset(rapid.Uint64Range(0, rate/10).Draw(t, "entries")) // called ten times a second
			if err := n.Seen(orders, end, rate); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "crash") {
				if n, err = OpenNotes(folder); err != nil {
					t.Fatal(err)
				}
			}
			if note, ok := n.Note(orders); !ok || note.Ceiling < end+25_000 {
				t.Fatalf("%+v, %v at %d", note, ok, end)
			}
		}
	})
}

func TestAFullDiskLeavesTheOldNote(t *testing.T) {
	folder := t.TempDir()
	n := openNotes(t, folder)
	must(t, n.Seen(orders, 100, 0))
	end := obstruct(t, filepath.Join(folder, fileName(orders)))
	if err := n.Seen(orders, 45_000, 0); err == nil {
		t.Error("a note that isn't written is told as written")
	}
	must(t, n.Seen(orders, 101, 0)) // nothing to write
	wantNote(t, n, orders, 100, 50_100)
	wantNote(t, openNotes(t, folder), orders, 100, 50_100)
	end()
	must(t, n.Seen(orders, 45_000, 0))
	wantNote(t, openNotes(t, folder), orders, 45_000, 95_000)
}

func TestADamagedNoteCountsAsMissing(t *testing.T) {
	folder := t.TempDir()
	must(t, openNotes(t, folder).Seen(orders, 100, 0))
	path := filepath.Join(folder, fileName(orders))
	whole, err := os.ReadFile(path)
	must(t, err)
	for cut := range whole {
		must(t, os.WriteFile(path, whole[:cut], 0o600))
		n := openNotes(t, folder)
		if _, ok := n.Note(orders); ok || len(n.Damaged()) != 1 {
			t.Fatalf("cut off after %d bytes it is a note", cut)
		}
	}
	must(t, os.Rename(path, filepath.Join(folder, fileName(events))))
	must(t, os.WriteFile(filepath.Join(folder, fileName(events)), whole, 0o600))
	n := openNotes(t, folder)
	if _, ok := n.Note(events); ok || len(n.Damaged()) != 1 {
		t.Error("one log's note counts for another")
	}
	must(t, n.Seen(events, 3, 0))
	wantNote(t, openNotes(t, folder), events, 3, 50_003)
}

func TestManyLogsWriteTheirNotesAtOnce(t *testing.T) {
	folder := t.TempDir()
	n := openNotes(t, folder)
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for end := geo.Offset(0); end < 150_000; end += 15_000 {
				if err := n.Seen(fmt.Sprintf("L%d@a", i%8), end, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	n = openNotes(t, folder)
	for i := range 8 {
		if note, ok := n.Note(fmt.Sprintf("L%d@a", i)); !ok || note.Ceiling < 135_000+25_000 {
			t.Errorf("%d: %+v, %v", i, note, ok)
		}
	}
}

func FuzzNote(f *testing.F) {
	f.Add([]byte(`{"stream":"ORDERS@us-east","seen":1,"ceiling":10001,"peak":5}`))
	f.Add([]byte(`{"stream":"A@b","seen":18446744073709551615,"ceiling":18446744073709551615}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := decodeNote(body)
		if err != nil {
			return
		}
		if s.Ceiling < s.Seen || s.Ceiling+s.headroom() < s.Ceiling {
			t.Fatalf("%+v", s)
		}
	})
}
