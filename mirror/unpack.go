package mirror

import (
	"encoding/binary"
	"fmt"

	"geomq/geo"
	"geomq/geo/entry"
)

// maxHeaders is how long all headers of a frame with several entries can be: a
// frame that a Packer was given in time is not larger in memory.
const maxHeaders = maxFrame

// Unpacker takes frames apart. It is used by one goroutine at a time; the zero
// Unpacker is ready.
type Unpacker struct {
	raw, headers []byte
	// stream, if set, is shared by Unpackers that take turns in one session.
	stream *unpackStream
}

// Unpack appends the frame's entries to dst. They point into the Unpacker and
// are valid until the next call. The error wraps ErrFrame; nothing of a damaged
// frame is returned.
func (u *Unpacker) Unpack(dst []entry.Entry, f *Frame) ([]entry.Entry, error) {
	if f.Count > MaxEntries {
		return dst, fmt.Errorf("%w: %d entries, at most %d are allowed", ErrFrame, f.Count, MaxEntries)
	}
	raw, err := u.expand(f)
	if err != nil {
		return dst, err
	}
	u.raw = raw
	c := cursor{texts: raw, rebuilt: shrink(u.headers)}
	for i := range c.columns {
		length, rest, ok := uvarint(c.texts)
		if !ok || length > uint64(len(rest)) {
			return dst, fmt.Errorf("%w: column %d is cut off", ErrFrame, i)
		}
		c.columns[i], c.texts = rest[:length], rest[length:]
	}
	start := len(dst)
	for i := range f.Count {
		e := entry.Entry{Offset: f.First + geo.Offset(i)}
		if !c.next(&e) {
			return dst[:start], fmt.Errorf("%w: entry %d of %d is cut off or damaged", ErrFrame, i, f.Count)
		}
		dst = append(dst, e)
	}
	u.headers = c.rebuilt
	if left := c.left(); left > 0 {
		return dst[:start], fmt.Errorf("%w: %d bytes are left over", ErrFrame, left)
	}
	return dst, nil
}

// expand undoes the compression of f.
func (u *Unpacker) expand(f *Frame) ([]byte, error) {
	if u.stream == nil {
		u.stream = new(unpackStream)
	}
	if f.Codec == zstdFirst || f.Codec == zstdNext {
		return u.stream.next(f.Codec, shrink(u.raw), f.Payload, int(f.Raw))
	}
	u.stream.end()
	return f.Codec.expand(shrink(u.raw), f.Payload, int(f.Raw))
}

// cursor walks the columns of a payload.
type cursor struct {
	columns [columns][]byte
	texts   []byte
	time    int64
	rebuilt []byte // all headers so far
	header  []byte // the newest one, in rebuilt
}

func (c *cursor) next(e *entry.Entry) bool {
	delta, n := binary.Varint(c.columns[columnTimes])
	if n <= 0 {
		return false
	}
	c.columns[columnTimes] = c.columns[columnTimes][n:]
	c.time += delta
	e.Time = c.time
	subject, okSubject := c.number(columnSubjects)
	body, okBody := c.number(columnBodies)
	header, okHeader := c.number(columnHeaders)
	if !okSubject || !okBody || !okHeader || header > 0 && !c.rebuild(header-1) {
		return false
	}
	if header > 0 {
		e.Header = c.header
	}
	if e.Subject, okSubject = cut(&c.texts, subject); !okSubject {
		return false
	}
	e.Body, okBody = cut(&c.texts, body)
	return okBody
}

// rebuild puts the next header together, which has length bytes.
func (c *cursor) rebuild(length uint64) bool {
	prefix, okPrefix := c.number(columnPrefixes)
	suffix, okSuffix := c.number(columnSuffixes)
	before := uint64(len(c.header))
	if !okPrefix || !okSuffix || prefix > before || suffix > before-prefix || prefix+suffix > length {
		return false
	}
	middle, ok := cut(&c.columns[columnMiddles], length-prefix-suffix)
	if !ok || before > 0 && uint64(len(c.rebuilt))+length > maxHeaders {
		return false
	}
	last, start := c.header, len(c.rebuilt)
	c.rebuilt = append(append(append(c.rebuilt, last[:prefix]...), middle...), last[before-suffix:]...)
	c.header = c.rebuilt[start:len(c.rebuilt):len(c.rebuilt)]
	if c.header == nil {
		c.header = []byte{}
	}
	return true
}

func (c *cursor) number(column int) (n uint64, ok bool) {
	n, c.columns[column], ok = uvarint(c.columns[column])
	return n, ok
}

func (c *cursor) left() int {
	left := len(c.texts)
	for _, column := range c.columns {
		left += len(column)
	}
	return left
}

// uvarint reads a uvarint from the front of b.
func uvarint(b []byte) (n uint64, rest []byte, ok bool) {
	n, length := binary.Uvarint(b)
	if length <= 0 {
		return 0, b, false
	}
	return n, b[length:], true
}

// cut takes n bytes from the front of b.
func cut(b *[]byte, n uint64) (front []byte, ok bool) {
	if n > uint64(len(*b)) {
		return nil, false
	}
	front, *b = (*b)[:n:n], (*b)[n:]
	return front, true
}
