package geotest

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// taken is what a power cut took.
type taken struct {
	files int
	bytes int64 // of files that were cut short
}

// rollBack brings the folder back to the names of one moment, and each file to what
// it had then or a while before, or to what of it is known to be on disk if that is
// more. The names of durable files are those of the end.
func (r *recorder) rollBack(rng *rand.Rand, names time.Time, durable func(path string) bool) (taken, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var sum taken
	var errs []error
	if r.synced.After(names) {
		names = r.synced
	}
	for _, path := range slices.Sorted(maps.Keys(r.files)) {
		was, contents := names, names
		if rng.IntN(2) == 0 {
			contents = names.Add(-time.Duration(rng.Int64N(int64(recall))))
		}
		if durable(r.relative(path)) {
			if !r.tells {
				continue
			}
			was = time.Now()
		}
		bytes, changed, err := r.bringBack(path, was, contents)
		if changed {
			sum.files++
		}
		sum.bytes += bytes
		errs = append(errs, err)
	}
	errs = append(errs, r.sweepFolders(names))
	return sum, errors.Join(errs...)
}

// bringBack lets stand at path what stood there at names, with the length that it
// had at contents.
func (r *recorder) bringBack(path string, names, contents time.Time) (taken int64, changed bool, err error) {
	versions := r.files[path]
	was := standing(versions, names)
	info, err := os.Lstat(path)
	if gone(err) != nil {
		return 0, false, err
	}
	there := err == nil
	switch {
	case was.inode == 0 && there:
		return 0, true, os.Remove(path)
	case was.inode == 0:
		return 0, false, nil
	case !there || inodeOf(info) != was.inode:
		if err := r.restore(path, was.inode); err != nil {
			return 0, true, err
		}
		if info, err = os.Lstat(path); err != nil {
			return 0, true, err
		}
		changed = true
	}
	if size := max(written(versions, was, contents), r.onDisk[was.inode]); size < info.Size() {
		return info.Size() - size, true, os.Truncate(path, size)
	}
	return 0, changed, nil
}

// restore puts the file of that inode back to its path.
func (r *recorder) restore(path string, inode uint64) error {
	if err := errors.Join(gone(os.Remove(path)), os.MkdirAll(filepath.Dir(path), 0o700)); err != nil {
		return err
	}
	return os.Link(r.held(inode), path)
}

// standing is what versions say of that moment.
func standing(versions []version, at time.Time) version {
	var was version
	for _, v := range versions {
		if v.at.After(at) {
			break
		}
		was = v
	}
	return was
}

// written is how much of was lay on the disk at a moment before it. A file that
// was put in another's place has all that it was begun with: file systems see to
// that. One that was new may be empty.
func written(versions []version, was version, at time.Time) int64 {
	if then := standing(versions, at); then.inode == was.inode {
		return then.size
	}
	for i, v := range versions {
		if v.inode == was.inode {
			if i > 0 && versions[i-1].inode != 0 {
				return v.size
			}
			return 0
		}
	}
	return 0
}

// sweepFolders removes folders that held nothing at that moment.
func (r *recorder) sweepFolders(at time.Time) error {
	held := map[string]bool{r.data: true}
	for path, versions := range r.files {
		if standing(versions, at).inode == 0 {
			continue
		}
		for folder := filepath.Dir(path); len(folder) > len(r.data); folder = filepath.Dir(folder) {
			held[folder] = true
		}
	}
	var folders []string
	err := filepath.WalkDir(r.data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && !held[path] && strings.Contains(path, "jetstream") {
			folders = append(folders, path)
		}
		return err
	})
	slices.Reverse(folders) // the inner ones first
	for _, folder := range folders {
		_ = os.Remove(folder) // stays where something durable lies in it
	}
	return err
}
