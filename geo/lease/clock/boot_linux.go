package clock

import (
	"syscall"
	"time"
	"unsafe"
)

// clockBoottime is CLOCK_BOOTTIME of linux/time.h: monotonic, with the time that
// the machine was suspended.
const clockBoottime = 7

type boottime struct{}

func boot() Clock {
	if _, err := read(); err != 0 { // kernels before 2.6.39, some sandboxes
		return awake{time.Now()}
	}
	return boottime{}
}

// Now can't fail: boot has tried the call.
func (boottime) Now() time.Duration {
	now, _ := read()
	return now
}

func (boottime) CountsSuspension() bool { return true }

func read() (time.Duration, syscall.Errno) {
	var now syscall.Timespec
	_, _, err := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&now)), 0)
	return time.Duration(now.Nano()), err
}
