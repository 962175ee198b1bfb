package geotest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// lookEvery is how often a recorder looks at a data folder.
	lookEvery = 50 * time.Millisecond
	// memory is how far back a recorder can tell what was there.
	memory = 12 * time.Second
)

// recorder notes what the files of a data folder have been, so that a powerCut can
// bring it back to an earlier state. It keeps a hard link to each file that it has
// seen for as long as it may be asked for, so that one which was replaced or
// removed is still there, as the very same file; for the rest it notes sizes, since
// what is written to most files is put at their end. Where the system tells, it also
// notes how much of each file has reached the disk, by fsync or otherwise.
type recorder struct {
	data   string // folder
	shadow string // folder of the hard links, by number of inode
	tells  bool   // the system tells what is on disk
	group  sync.WaitGroup
	stop   chan struct{}

	mu    sync.Mutex // guards what follows
	files map[string][]version
	// onDisk is the size up to which a file was seen to be on disk, by inode.
	onDisk map[uint64]int64
	// synced is when something was last seen to have been fsynced: the names of
	// that time are on disk, too.
	synced time.Time
	err    error
}

// version is what stood at a path from then on.
type version struct {
	at    time.Time // zero in the first look
	inode uint64    // 0: nothing
	size  int64
}

// startRecorder looks at folder data until end is called.
func startRecorder(data string) *recorder {
	r := newRecorder(data)
	r.tells = tellsDirty(r.shadow)
	r.look(time.Time{})
	r.group.Go(r.run)
	return r
}

// newRecorder returns one that has not looked yet.
func newRecorder(data string) *recorder {
	r := &recorder{data: data, shadow: data + ".shadow", stop: make(chan struct{}), files: map[string][]version{}, onDisk: map[uint64]int64{}}
	_ = os.RemoveAll(r.shadow) // of the life before; what is left does no harm
	r.err = os.MkdirAll(r.shadow, 0o700)
	return r
}

func (r *recorder) run() {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case now := <-ticker.C:
			r.look(now)
			if n%20 == 0 {
				r.forget(now.Add(-memory))
			}
		case <-r.stop:
			return
		}
	}
}

// end stops looking, and returns what went wrong while it did.
func (r *recorder) end() error {
	close(r.stop)
	r.group.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// look notes what has changed since the last look.
func (r *recorder) look(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	there := map[string]bool{}
	err := filepath.WalkDir(r.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return gone(err)
		}
		there[path] = true
		return r.note(path, now)
	})
	for path, versions := range r.files {
		if last := versions[len(versions)-1]; !there[path] && last.inode != 0 {
			r.files[path] = append(versions, version{at: now})
		}
	}
	r.err = errors.Join(r.err, err)
}

// note takes note of one file, and takes a link to it before anything else.
func (r *recorder) note(path string, now time.Time) error {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return gone(err)
	}
	versions := r.files[path]
	is := version{at: now, inode: inodeOf(info), size: info.Size()}
	if len(versions) > 0 {
		last := versions[len(versions)-1]
		if last.inode == is.inode && last.size == is.size {
			r.measure(path, last, now)
			return nil
		}
	}
	fresh := len(versions) == 0 || versions[len(versions)-1].inode != is.inode
	if fresh {
		if is.inode, is.size, err = r.link(path); err != nil {
			return gone(err)
		}
	}
	r.files[path] = append(versions, is)
	if now.IsZero() {
		r.onDisk[is.inode] = is.size
	}
	r.measure(path, is, now)
	return nil
}

// measure notes how much of the file at path is on disk. Systems let data lie in
// memory for half a minute: what is written sooner was fsynced, unless it is a file
// that has just been put in another's place, which some systems write at once.
func (r *recorder) measure(path string, is version, now time.Time) {
	if !r.tells || r.onDisk[is.inode] >= is.size {
		return
	}
	inode, size, written := clean(path)
	if !written || size <= r.onDisk[inode] {
		return
	}
	if _, known := r.onDisk[inode]; known {
		r.synced = now
	}
	r.onDisk[inode] = size
}

// link keeps what stands at path now.
func (r *recorder) link(path string) (inode uint64, size int64, err error) {
	held := filepath.Join(r.shadow, "new")
	if err := os.Link(path, held); err != nil {
		return 0, 0, err
	}
	info, err := os.Lstat(held)
	if err != nil {
		return 0, 0, err
	}
	inode = inodeOf(info)
	if err := os.Rename(held, r.held(inode)); err != nil {
		return 0, 0, err
	}
	_ = os.Remove(held) // a rename onto another link to the same file leaves both
	return inode, info.Size(), nil
}

// held is the link to the file of that inode.
func (r *recorder) held(inode uint64) string { return filepath.Join(r.shadow, fmt.Sprint(inode)) }

// forget drops what was replaced or removed before horizon.
func (r *recorder) forget(horizon time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := map[uint64]bool{}
	for path, versions := range r.files {
		old := 0
		for old+1 < len(versions) && versions[old+1].at.Before(horizon) {
			old++
		}
		if versions = versions[old:]; len(versions) == 1 && versions[0].inode == 0 && versions[0].at.Before(horizon) {
			delete(r.files, path)
			continue
		}
		r.files[path] = versions
		for _, v := range versions {
			wanted[v.inode] = true
		}
	}
	links, err := os.ReadDir(r.shadow)
	r.err = errors.Join(r.err, err)
	for _, link := range links {
		var inode uint64
		if _, err := fmt.Sscan(link.Name(), &inode); err == nil && !wanted[inode] {
			r.err = errors.Join(r.err, os.Remove(filepath.Join(r.shadow, link.Name())))
			delete(r.onDisk, inode)
		}
	}
}

// relative is path as counted from the data folder.
func (r *recorder) relative(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, r.data), string(filepath.Separator))
}

// gone makes nothing of a file that vanished while it was looked at.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func inodeOf(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}
