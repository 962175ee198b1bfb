package node

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"geomq/geo"
	"geomq/geo/opening"
	"geomq/node/marks"
)

// margin is kept between a new epoch and everything known. Beside a note's
// headroom it is what a log may take before its growth is noticed (tailwatch.go).
const margin = 50_000

// tails is what this node remembers over a crash about the ends of its region's
// logs.
type tails struct {
	mark  *marks.Mark
	notes *marks.Notes
	// shared says that a majority of brokers keeps every entry: a log that was
	// never open at this one may well have been at another.
	shared bool

	mu    sync.Mutex // guards what follows
	whole []string   // replicas that are to be settled
}

// settleTogether is how long a replica waits for others to be written down with.
const settleTogether = time.Second

// settleReplica writes down that no entry in the middle of a replica is missing. There
// may be many replicas, and own logs that are being opened write to the same file, so
// all of a moment are written at once.
func (t *tails) settleReplica(ctx context.Context, log geo.CommitLog) error {
	if safe, _ := t.mark.TailSafe(log.Stream()); safe {
		return nil
	}
	t.mu.Lock()
	t.whole = append(t.whole, log.Stream())
	t.mu.Unlock()
	if !sleep(ctx, settleTogether) {
		return nil // the next start looks again
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.whole) == 0 {
		return nil // another one has written it
	}
	streams := t.whole
	t.whole = nil
	return t.mark.Settle(streams...)
}

// sharedSafe tells whether a log of a cluster can have lost its tail. The broker
// that leads it has what a majority had; if it lost power itself, so may have the
// others.
func (t *tails) sharedSafe() bool {
	p := t.mark.Previous()
	return p.Missing || !p.Restored && (p.Clean || p.SameBoot)
}

// doubtful tells whether JetStream's notes of what files hold may not fit them. After
// a kill, too, they may be from before a purge.
func (t *tails) doubtful() bool {
	p := t.mark.Previous()
	return p.Missing || p.Restored || !p.Clean
}

// openTails reads what an earlier run has left in the data folder, and writes
// down that a node runs there now.
func openTails(folder string, shared bool) (*tails, error) {
	mark, err := marks.Open(folder)
	if err != nil {
		return nil, err
	}
	notes, err := marks.OpenNotes(filepath.Join(folder, "notes"))
	if err != nil {
		return nil, err
	}
	return &tails{mark: mark, notes: notes, shared: shared}, mark.MarkRunning()
}

// close writes down an orderly end; the broker has been closed.
func (t *tails) close(folder string) error {
	if err := marks.FsyncTree(folder); err != nil {
		return fmt.Errorf("bring %s to the disk; the next start takes this end for a crash: %w", folder, err)
	}
	return t.mark.MarkClean()
}

// facts fills in what is known of a log's end.
func (t *tails) facts(f *opening.Facts) {
	f.TailSafe, f.Doubt = t.mark.TailSafe(f.Log.Stream())
	if t.shared {
		f.TailSafe = t.sharedSafe()
	}
	note, known := t.notes.Note(f.Log.Stream())
	f.Note = opening.Note{Known: known, Seen: note.Seen, Ceiling: note.Ceiling, Stale: note.Told || t.mark.Previous().Restored}
	if !f.Log.Control() { // which grows slowly
		f.Margin = margin
	}
}

// settle writes down, before producers are let in, that a log is open and where
// it ends.
func (t *tails) settle(log geo.CommitLog, end geo.Offset) error {
	// The mark comes first: a crash between the two must not leave the note of a log
	// that looks as if it had never been open. Nobody writes to it before both are.
	if err := t.mark.Settle(log.Stream()); err != nil {
		return err
	}
	return t.notes.Seen(log.Stream(), end, 0)
}
