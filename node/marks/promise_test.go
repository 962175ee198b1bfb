package marks

import (
	"path/filepath"
	"testing"
)

// TestAPromiseByTheWordOfOthers raises the ceiling for good, is no note of what was
// acknowledged, and ends when the log is open.
func TestAPromiseByTheWordOfOthers(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "notes")
	n := openNotes(t, folder)
	must(t, n.Promise(orders, 500_000))
	must(t, n.Promise(orders, 400_000))
	n = openNotes(t, folder)
	wantNote(t, n, orders, 0, 500_000)
	if note, _ := n.Note(orders); !note.Told {
		t.Error("others' word passes for the origin's own")
	}
	must(t, n.Seen(orders, 20, 0))
	wantNote(t, n, orders, 20, 500_000)
	if note, _ := openNotes(t, folder).Note(orders); note.Told {
		t.Error("an open log has no note of its own")
	}
	must(t, n.Promise(orders, 600_000))
	wantNote(t, n, orders, 20, 600_000)
	if note, _ := n.Note(orders); note.Told {
		t.Error("the note of what was acknowledged is forgotten")
	}
}
