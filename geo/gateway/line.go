package gateway

import (
	"bytes"
	"fmt"
	"io"
)

// longestLine bounds INFO and CONNECT, which may hold a JWT of some KiB.
const longestLine = 64 << 10

// lines reads lines of bounded length. What has been read is kept when a read
// fails, so that it can be tried again after a deadline.
type lines struct {
	from   io.Reader
	buffer []byte
	looked int // bytes of buffer in which there is no line feed
}

// next returns the next line, its line feed included; it is valid until the next
// call. A line that is too long gives an error wrapping ErrStranger.
func (l *lines) next() ([]byte, error) {
	for {
		if i := bytes.IndexByte(l.buffer[l.looked:], '\n'); i >= 0 {
			line := l.buffer[:l.looked+i+1]
			l.buffer, l.looked = l.buffer[len(line):], 0
			return line, nil
		}
		if l.looked = len(l.buffer); l.looked >= longestLine {
			return nil, fmt.Errorf("%w: a line has no end after %d bytes", ErrStranger, l.looked)
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads once.
func (l *lines) fill() error {
	if len(l.buffer) == cap(l.buffer) {
		room := min(max(1024, 4*len(l.buffer)), longestLine)
		l.buffer = append(make([]byte, 0, room), l.buffer...)
	}
	n, err := l.from.Read(l.buffer[len(l.buffer):cap(l.buffer)])
	l.buffer = l.buffer[:len(l.buffer)+n]
	if n > 0 {
		return nil
	}
	return err
}

// rest is what has been read and not been returned.
func (l *lines) rest() []byte { return l.buffer }
