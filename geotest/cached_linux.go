package geotest

import (
	"os"
	"syscall"
	"unsafe"
)

// sysCachestat has this number on every architecture, since Linux 6.5.
const sysCachestat = 451

// tmpfs keeps no account of what is dirty: nothing ever reaches a disk.
const tmpfs = 0x01021994

// tellsDirty says whether the system tells which of the files in folder have
// something that isn't on the disk yet.
func tellsDirty(folder string) bool {
	var fs syscall.Statfs_t
	if syscall.Statfs(folder, &fs) != nil || int64(fs.Type) == tmpfs {
		return false
	}
	f, err := os.Open(folder)
	if err != nil {
		return false
	}
	defer f.Close()
	_, errno := cachestat(f)
	return errno != syscall.ENOSYS
}

// clean returns the inode and size of the file at path, and whether all of that
// had been written to the disk.
func clean(path string) (inode uint64, size int64, is bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, false
	}
	dirty, errno := cachestat(f)
	return inodeOf(info), info.Size(), errno == 0 && dirty == 0
}

// cachestat counts a file's pages that are dirty or just being written back.
func cachestat(f *os.File) (dirty uint64, errno syscall.Errno) {
	var all struct{ offset, length uint64 } // zeros: the whole file
	var stat struct{ cached, dirty, writeback, evicted, evictedLately uint64 }
	_, _, errno = syscall.Syscall6(sysCachestat, f.Fd(), uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&stat)), 0, 0, 0)
	return stat.dirty + stat.writeback, errno
}
