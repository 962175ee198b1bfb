package importer

import (
	"bufio"
	"bytes"
	"io"
)

var byteOrderMark = []byte{0xef, 0xbb, 0xbf}

// lineReader splits a stream into lines of limited length.
type lineReader struct {
	in    *bufio.Reader
	limit int
	begun bool
	// long is the part of a line that did not fit into the reader's buffer.
	long []byte
}

// next returns a line without its end, "\n" or "\r\n", and its length, which is
// more than the limit, and the text nil, for a line that is too long. A last line
// needs no end. At the end of the stream the error is io.EOF; an error in the
// middle of a line hides what was read of it. The text is valid until next is
// called again.
func (l *lineReader) next() (text []byte, length int, err error) {
	if !l.begun {
		l.begun = true
		if mark, _ := l.in.Peek(len(byteOrderMark)); bytes.Equal(mark, byteOrderMark) {
			l.in.Discard(len(byteOrderMark))
		}
	}
	part, err := l.in.ReadSlice('\n')
	if err == nil {
		return l.trim(part, len(part))
	}
	return l.gather(part, err)
}

// ready tells whether the next line can be had without waiting for the stream.
func (l *lineReader) ready() bool {
	waiting, _ := l.in.Peek(l.in.Buffered())
	return bytes.IndexByte(waiting, '\n') >= 0
}

// gather puts a line together that the buffer does not hold whole, and keeps no
// more of it than the limit allows.
func (l *lineReader) gather(part []byte, err error) ([]byte, int, error) {
	l.long = l.long[:0]
	length := 0
	for {
		length += len(part)
		if room := l.limit + len("\r\n") - len(l.long); room > 0 {
			l.long = append(l.long, part[:min(room, len(part))]...)
		}
		switch {
		case err == nil:
			return l.trimLong(part, length)
		case err == io.EOF && length > 0:
			return l.trimLong(part, length)
		case err != bufio.ErrBufferFull:
			return nil, 0, err
		}
		part, err = l.in.ReadSlice('\n')
	}
}

// trimLong takes the end off a gathered line; tail is the piece of the stream
// that it ends with.
func (l *lineReader) trimLong(tail []byte, length int) ([]byte, int, error) {
	if length <= len(l.long) {
		return l.trim(l.long, length)
	}
	if bytes.HasSuffix(tail, []byte("\n")) {
		length--
	}
	return nil, max(length, l.limit+1), nil
}

func (l *lineReader) trim(line []byte, length int) ([]byte, int, error) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) > l.limit {
		return nil, len(line), nil
	}
	return line, len(line), nil
}
