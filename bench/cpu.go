package bench

import (
	"fmt"
	"syscall"
	"time"
)

// processorTime is what this process has used so far, in all threads. Unlike the
// clock it hardly moves with what else the machine does.
func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("read the processor time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
