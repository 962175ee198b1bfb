//go:build unix

package marks

import (
	"io/fs"
	"syscall"
)

// place says where a file lies, zeros if that is not known.
func place(info fs.FileInfo) (inode, device uint64) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino), uint64(stat.Dev)
	}
	return 0, 0
}
