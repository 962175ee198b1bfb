//go:build !linux

package geotest

func tellsDirty(string) bool { return false }

func clean(string) (inode uint64, size int64, is bool) { return 0, 0, false }
