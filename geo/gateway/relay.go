package gateway

import (
	"errors"
	"io"
	"sync/atomic"
)

// streamBuffer is what a direction holds whose bytes have to be decrypted first.
const streamBuffer = 16 << 10

// relayStream is relay for anything that can be read.
func relayStream(dst io.Writer, src io.Reader, count *atomic.Int64) error {
	buffer := make([]byte, streamBuffer)
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			if failed := pass(dst, buffer[:n], count); failed != nil {
				return failed
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// targetError is a failure of where bytes go, not of where they come from.
type targetError struct{ error }

func (e *targetError) Unwrap() error { return e.error }

// pass writes bytes and counts them.
func pass(dst io.Writer, bytes []byte, count *atomic.Int64) error {
	n, err := dst.Write(bytes)
	count.Add(int64(n))
	if err != nil {
		return &targetError{err}
	}
	return nil
}
