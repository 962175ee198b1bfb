package marks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
)

// Previous is how the last run in the folder ended, as far as its mark tells.
type Previous struct {
	// Missing says that there is no mark, or a damaged one: the folder is new, or
	// comes from somewhere else.
	Missing bool
	// Clean says that it ended orderly, with everything on disk.
	Clean bool
	// SameBoot says that the host has not been started since.
	SameBoot bool
	// Restored says that the folder is a copy: a backup, or another machine's.
	Restored bool
}

// doubt says what of the folder's last writes may be missing, nothing if none.
func (p Previous) doubt() string {
	switch {
	case p.Missing:
		return "the data folder has no mark of an earlier run"
	case p.Restored:
		return "the data folder is a copy, restored or moved here"
	case p.Clean || p.SameBoot:
		return ""
	}
	return "the host was started anew without an orderly end of the node before, as after a power cut"
}

// Mark is the record of a node running in a folder.
type Mark struct {
	folder   string
	previous Previous

	mu  sync.Mutex // guards what follows
	now record
}

// record is what stands in the file.
type record struct {
	Boot     string   `json:"boot"`
	Identity identity `json:"identity"`
	Clean    bool     `json:"clean"`
	// Settled are the logs that were open since anything put them in doubt, Doubt
	// is why the others are not, Doubted the same where it concerns one of them.
	Settled map[string]bool   `json:"settled"`
	Doubt   string            `json:"doubt"`
	Doubted map[string]string `json:"doubted"`
}

func decodeRecord(body []byte) (record, error) {
	var r record
	if err := json.Unmarshal(body, &r); err != nil {
		return record{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return r, nil
}

func (r record) clone() record {
	r.Settled, r.Doubted = maps.Clone(r.Settled), maps.Clone(r.Doubted)
	if r.Settled == nil {
		r.Settled = map[string]bool{}
	}
	if r.Doubted == nil {
		r.Doubted = map[string]string{}
	}
	return r
}

// Open reads the mark in folder, which it creates if need be. It changes nothing
// that a later Open would judge by; an error says what could not be read or
// created, and without a Mark no node should run in the folder.
func Open(folder string) (*Mark, error) { return OpenAs(folder, boot()) }

// OpenAs is Open on a host whose start goes by the name of boot, for harnesses
// that cut the power of one machine out of several in one. Nothing means that it
// is not known.
func OpenAs(folder, boot string) (*Mark, error) {
	m := &Mark{folder: folder}
	if err := m.open(boot); err != nil {
		return nil, fmt.Errorf("mark of data folder %s: %w", folder, err)
	}
	return m, nil
}

func (m *Mark) open(boot string) error {
	if err := os.MkdirAll(m.folder, 0o700); err != nil {
		return err
	}
	was, err := m.read()
	if err != nil {
		return err
	}
	id, err := identify(filepath.Join(m.folder, "identity"))
	if err != nil {
		return err
	}
	m.previous.SameBoot = boot != "" && was.Boot == boot
	m.previous.Clean = was.Clean
	m.previous.Restored = !m.previous.Missing && was.Identity.copied(id, m.previous.SameBoot)
	m.now = was.clone()
	m.now.Boot, m.now.Identity, m.now.Clean = boot, id, false
	if doubt := m.previous.doubt(); doubt != "" {
		m.now.Doubt, m.now.Settled = doubt, map[string]bool{}
	}
	return nil
}

// read returns the record of the last run. A damaged one counts as missing, one
// that can't be read does not.
func (m *Mark) read() (record, error) {
	body, err := read(m.path())
	if err == nil {
		var was record
		if was, err = decodeRecord(body); err == nil {
			return was, nil
		}
	}
	if m.previous.Missing = errors.Is(err, fs.ErrNotExist) || errors.Is(err, errDamaged); m.previous.Missing {
		return record{}, nil
	}
	return record{}, err
}

func (m *Mark) path() string { return filepath.Join(m.folder, "running") }

// Previous is how the last run in the folder ended.
func (m *Mark) Previous() Previous { return m.previous }

// TailSafe tells whether nothing acknowledged can be missing at the end of a log,
// and else why it may be: a clause for people.
func (m *Mark) TailSafe(stream string) (bool, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.now.Doubted[stream] != "":
		return false, m.now.Doubted[stream]
	case m.now.Settled[stream]:
		return true, ""
	case m.now.Doubt != "":
		return false, m.now.Doubt
	}
	return false, "it was never open in this data folder"
}

// MarkRunning writes down that a node runs in the folder, before its broker opens
// anything. Without that a crash would pass for an orderly end, so a node must
// not start if it fails.
func (m *Mark) MarkRunning() error { return m.change(func(r *record) { r.Clean = false }) }

// MarkClean writes down an orderly end: the broker is closed, and all its files
// are on disk (FsyncTree). If it fails, the next start takes the end for a crash.
func (m *Mark) MarkClean() error { return m.change(func(r *record) { r.Clean = true }) }

// Settle writes down that logs have been opened: what may have been lost of them
// was fetched back or left behind. It is called before producers are let in. Of a
// replica it says that no entry in its middle is missing.
func (m *Mark) Settle(streams ...string) error {
	return m.change(func(r *record) {
		for _, stream := range streams {
			r.Settled[stream] = true
			delete(r.Doubted, stream)
		}
	})
}

// Doubt writes down why a log's tail may be lost after all; it is called before
// anything is done about it. Settle ends it.
func (m *Mark) Doubt(stream, why string) error {
	return m.change(func(r *record) {
		delete(r.Settled, stream)
		r.Doubted[stream] = why
	})
}

// change writes an altered record, and keeps the old one if that fails.
func (m *Mark) change(alter func(*record)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.now.clone()
	alter(&next)
	body, err := json.Marshal(next)
	if err == nil {
		err = replace(m.path(), body)
	}
	if err != nil {
		return fmt.Errorf("mark of data folder %s: %w", m.folder, err)
	}
	m.now = next
	return nil
}
