package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
)

// The server has written a record into its files when it acknowledges it: a
// single copy into the stream's, one of several into the log of its Raft group.
// That they reach the disk is our doing, through files of our own: fsync is the
// file's, not the descriptor's.

const blockSuffix = ".blk"

// flusher brings a stream's files to the disk.
type flusher struct {
	folders []string // that hold blocks; of those some may not exist here
	top     string   // the data folder
	// elsewhere says that a majority of other servers keeps what this one may have
	// no copy of, or none yet.
	elsewhere bool
	sync      func(path string) error

	acked atomic.Uint64 // newest sequence that the server acknowledged

	mu     sync.Mutex     // guards what follows; held while syncing
	done   uint64         // everything up to it is on the disk
	closed map[string]int // block of each folder up to which none grows any more
}

func newFlusher(data string, info *server.StreamInfo) *flusher {
	store := filepath.Join(data, server.JetStreamStoreDir)
	f := &flusher{
		folders: []string{filepath.Join(store, accountApp, "streams", info.Config.Name, "msgs")},
		top:     data, sync: flush, closed: map[string]int{},
	}
	if info.Cluster != nil && info.Cluster.RaftGroup != "" {
		f.elsewhere = info.Config.Replicas > 1
		f.folders = append(f.folders, filepath.Join(store, accountSystem, "_js_", info.Cluster.RaftGroup, "msgs"))
	}
	return f
}

// accountSystem keeps the Raft groups' files, as serverConfig names it.
const accountSystem = "SYS"

// created brings the stream itself to the disk, from its blocks up to the data
// folder: a file that no folder names is lost with the power.
func (f *flusher) created() error {
	if err := f.all(); err != nil {
		return err
	}
	for _, folder := range f.folders {
		if _, err := os.Stat(folder); err != nil {
			continue
		}
		above := filepath.Dir(folder)
		if err := f.files(above); err != nil {
			return err
		}
		for folder != f.top {
			if folder = filepath.Dir(folder); len(folder) < len(f.top) {
				break
			}
			if err := f.sync(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// files syncs a folder's own files.
func (f *flusher) files(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if err := f.present(filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// present syncs a file unless it is gone: the server removes blocks that are
// empty, and writes others anew.
func (f *flusher) present(path string) error {
	err := f.sync(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// to returns when everything up to seq, which was acknowledged, is on the disk.
// Whoever waits for the lock meanwhile is served by one sync.
func (f *flusher) to(seq uint64) error {
	for known := f.acked.Load(); known < seq && !f.acked.CompareAndSwap(known, seq); known = f.acked.Load() {
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done >= seq {
		return nil
	}
	through := f.acked.Load()
	if err := f.blocks(); err != nil {
		return err
	}
	f.done = through
	return nil
}

// all syncs every block, whether it grows or not.
func (f *flusher) all() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.closed)
	return f.blocks()
}

// blocks syncs what may have changed since the last time. Needs mu.
func (f *flusher) blocks() error {
	found := false
	for _, folder := range f.folders {
		names, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		found = true
		if err := f.folder(folder, names); err != nil {
			return err
		}
	}
	if !found && !f.elsewhere {
		return fmt.Errorf("%w in %s", errNoCopy, f.folders[0])
	}
	return nil
}

var errNoCopy = errors.New("this server has no copy")

// folder syncs the blocks of one folder and the folder. While a block is the
// newest it grows; behind the newest that was there at the last time, none does.
func (f *flusher) folder(folder string, names []fs.DirEntry) error {
	newest := f.closed[folder]
	for _, e := range names {
		number, err := strconv.Atoi(strings.TrimSuffix(e.Name(), blockSuffix))
		if err != nil || !strings.HasSuffix(e.Name(), blockSuffix) || number < f.closed[folder] {
			continue
		}
		newest = max(newest, number)
		if err := f.present(filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	if err := f.sync(folder); err != nil {
		return err
	}
	f.closed[folder] = newest
	return nil
}

// flushed returns when a record that was acknowledged is on the disk, if that was
// asked for.
func (j *Journal) flushed(seq uint64) error {
	if j.flush == nil {
		return nil
	}
	if err := j.flush.to(seq); err != nil {
		return j.notFlushed("write", err)
	}
	return nil
}

func (j *Journal) notFlushed(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, ErrNotFlushed, err)
}
