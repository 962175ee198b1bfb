//go:build unix

package gateway

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// bufferSize is what one read takes at most; clients and servers flush about half
// of it at a time.
const bufferSize = 64 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// relay passes bytes on until src ends (nil), fails, or dst does (*targetError).
// A connection that rests holds no buffer: one is taken when there is something to
// read. io.Copy would have the kernel splice, which cost about as much in our
// measurements, but holds a pipe of up to 1 MiB and two file descriptors per
// direction even while nothing flows.
func relay(dst io.Writer, src *net.TCPConn, count *atomic.Int64) error {
	raw, err := src.SyscallConn()
	if err != nil {
		return err
	}
	in := inlet{}
	read := in.read
	for {
		if err := raw.Read(read); err != nil {
			return err
		}
		err := in.failed
		if in.n > 0 {
			err = pass(dst, in.buffer[:in.n], count)
		}
		buffers.Put(in.buffer)
		switch {
		case err != nil:
			return err
		case in.n == 0:
			return nil
		}
	}
}

// inlet is one read of what is there; its buffer belongs to who called.
type inlet struct {
	buffer *[bufferSize]byte
	n      int
	failed error
}

// read is false where there is nothing to read yet.
func (in *inlet) read(fd uintptr) bool {
	in.buffer = buffers.Get().(*[bufferSize]byte)
	for {
		in.n, in.failed = syscall.Read(int(fd), in.buffer[:])
		if in.failed == nil {
			return true
		}
		in.n = 0
		if errors.Is(in.failed, syscall.EAGAIN) {
			buffers.Put(in.buffer)
			return false
		}
		if !errors.Is(in.failed, syscall.EINTR) {
			return true
		}
	}
}
