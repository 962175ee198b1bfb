package marks

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"geomq/geo"
)

const (
	// leastHeadroom is the least that a ceiling lies above what was seen, horizon
	// how long it lasts at the highest rate seen. Every offset of it becomes a hole
	// when a tail is lost, and holes take time (a few hundred thousand a second), so
	// it is no longer than it takes to miss a few calls of Seen.
	leastHeadroom = 50_000
	horizon       = 3 * time.Second
	// most is more than any log reaches.
	most   = geo.Offset(1) << 60
	suffix = ".note"
)

// Note is what is promised of a log.
type Note struct {
	// Seen is where the log ended when the note was written: everything up to it
	// may have been acknowledged. Nothing behind Ceiling has been.
	Seen    geo.Offset `json:"seen"`
	Ceiling geo.Offset `json:"ceiling"`
	// Peak is the highest rate ever told, in entries per second.
	Peak uint64 `json:"peak"`
	// Told says that the log was not open since a Ceiling was told by others: what
	// else may have been acknowledged is not known.
	Told bool `json:"told,omitempty"`
}

// headroom is how far above the end a ceiling is put.
func (n Note) headroom() geo.Offset {
	return geo.Offset(max(leastHeadroom, min(n.Peak, uint64(most)/100)*uint64(horizon/time.Second)))
}

// stored is a Note in its file, which names its log.
type stored struct {
	Stream string `json:"stream"`
	Note
}

func decodeNote(body []byte) (stored, error) {
	var s stored
	if err := json.Unmarshal(body, &s); err != nil {
		return stored{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if s.Stream == "" || s.Ceiling < s.Seen || s.Ceiling > 2*most {
		return stored{}, errDamaged
	}
	return s, nil
}

// Notes are the notes of all logs of a node, one file each.
type Notes struct {
	folder  string
	damaged []string

	mu    sync.Mutex // guards notes, never held while writing
	notes map[string]*slot
}

// slot is one log's note.
type slot struct {
	mu   sync.Mutex
	note Note
	ok   bool
}

// OpenNotes reads the notes in folder, which it creates if need be.
func OpenNotes(folder string) (*Notes, error) {
	n := &Notes{folder: folder, notes: map[string]*slot{}}
	if err := n.open(); err != nil {
		return nil, fmt.Errorf("notes in %s: %w", folder, err)
	}
	return n, nil
}

func (n *Notes) open() error {
	if err := os.MkdirAll(n.folder, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(n.folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), suffix) {
			continue
		}
		if err := n.load(entry.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (n *Notes) load(name string) error {
	body, err := read(filepath.Join(n.folder, name))
	var s stored
	if err == nil {
		s, err = decodeNote(body)
	}
	switch {
	case errors.Is(err, errDamaged) || err == nil && fileName(s.Stream) != name:
		n.damaged = append(n.damaged, name)
	case err != nil:
		return err
	default:
		n.notes[s.Stream] = &slot{note: s.Note, ok: true}
	}
	return nil
}

func fileName(stream string) string { return url.PathEscape(stream) + suffix }

// Damaged names the files that were no notes when the folder was opened. They
// count as missing and are written anew in time.
func (n *Notes) Damaged() []string { return slices.Clone(n.damaged) }

// Note returns what is promised of a log, and whether anything is.
func (n *Notes) Note(stream string) (Note, bool) {
	s := n.slot(stream)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.note, s.ok
}

// Seen says that a log ends at end now and how many entries it takes per second,
// and writes its note anew if the log has no note or is half way to its ceiling.
// Promises are never lowered. An error says that the old note still stands: if
// the log goes on, it must not outrun that one's Ceiling.
//
// It writes rarely and may be called often. A log that grows from rest by more
// than the headroom of its note between two calls outruns it.
func (n *Notes) Seen(stream string, end geo.Offset, ratePerSecond uint64) error {
	s := n.slot(stream)
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.note
	next.Peak = max(next.Peak, ratePerSecond)
	end = min(end, most)
	if s.ok && !s.note.Told && end+next.headroom()/2 <= next.Ceiling {
		s.note.Peak = next.Peak
		return nil
	}
	next.Seen, next.Ceiling, next.Told = max(end, next.Seen), max(end+next.headroom(), next.Ceiling), false
	return n.write(stream, s, next)
}

// Promise raises a log's ceiling to what others know of the log: a new epoch begins
// behind it even where they are out of reach when it does. An error says that the
// old note still stands.
func (n *Notes) Promise(stream string, ceiling geo.Offset) error {
	s := n.slot(stream)
	s.mu.Lock()
	defer s.mu.Unlock()
	ceiling = min(ceiling, most)
	if ceiling <= s.note.Ceiling {
		return nil
	}
	next := s.note
	next.Ceiling, next.Told = ceiling, next.Told || !s.ok
	return n.write(stream, s, next)
}

// write needs the slot's lock.
func (n *Notes) write(stream string, s *slot, next Note) error {
	body, err := json.Marshal(stored{stream, next})
	if err == nil {
		err = replace(filepath.Join(n.folder, fileName(stream)), body)
	}
	if err != nil {
		return fmt.Errorf("note of %s: %w", stream, err)
	}
	s.note, s.ok = next, true
	return nil
}

// Forget removes the note of a log that is removed for good.
func (n *Notes) Forget(stream string) error {
	s := n.slot(stream)
	s.mu.Lock()
	defer s.mu.Unlock()
	err := os.Remove(filepath.Join(n.folder, fileName(stream)))
	if err = errors.Join(passOver(err), syncFile(n.folder)); err != nil {
		return fmt.Errorf("note of %s: %w", stream, err)
	}
	s.note, s.ok = Note{}, false
	return nil
}

func (n *Notes) slot(stream string) *slot {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.notes[stream]
	if s == nil {
		s = &slot{}
		n.notes[stream] = s
	}
	return s
}
