package mirror

import (
	"encoding/binary"
	"fmt"

	"geomq/geo"
	"geomq/geo/entry"
)

// A frame's payload before compression is
//
//	length of the table   uvarint
//	table                 per entry: time since the entry before (varint),
//	                      length of subject (uvarint), length of header plus 1
//	                      or 0 without one (uvarint), length of body (uvarint)
//	data                  per entry: subject, header, body
//
// Offsets are not written: entry i of a frame stands at First + i. Numbers are
// kept apart from text because both compress better that way.

// MaxEntries is how many entries a frame holds at most. A tiny payload can
// expand to a long table of empty entries; this bounds what they cost.
const MaxEntries = 4096

// Packer collects consecutive entries for a frame. It is used by one goroutine
// at a time; the zero Packer is ready.
type Packer struct {
	first    geo.Offset
	count    uint32
	lastTime int64
	table    []byte
	data     []byte
	raw      []byte
}

// Add appends e, whose offset must follow the one before.
func (p *Packer) Add(e *entry.Entry) {
	if p.count == 0 {
		p.first, p.lastTime = e.Offset, 0
	}
	p.count++
	p.table = binary.AppendVarint(p.table, e.Time-p.lastTime)
	p.lastTime = e.Time
	p.table = binary.AppendUvarint(p.table, uint64(len(e.Subject)))
	header := uint64(0)
	if e.Header != nil {
		header = uint64(len(e.Header)) + 1
	}
	p.table = binary.AppendUvarint(p.table, header)
	p.table = binary.AppendUvarint(p.table, uint64(len(e.Body)))
	p.data = append(append(append(p.data, e.Subject...), e.Header...), e.Body...)
}

// Size is the length of what has been collected, in bytes before compression.
func (p *Packer) Size() int { return len(p.table) + len(p.data) + binary.MaxVarintLen32 }

// Count is the number of entries collected.
func (p *Packer) Count() int { return int(p.count) }

// Next is the offset that the next entry must have, 0 while there is none.
func (p *Packer) Next() geo.Offset {
	if p.count == 0 {
		return 0
	}
	return p.first + geo.Offset(p.count)
}

// Pack returns what was collected as a frame without session and number, and
// begins anew. A payload that codec would make longer is left uncompressed.
func (p *Packer) Pack(codec Codec) *Frame {
	p.raw = binary.AppendUvarint(p.raw[:0], uint64(len(p.table)))
	p.raw = append(append(p.raw, p.table...), p.data...)
	f := &Frame{First: p.first, Count: p.count, Raw: uint32(len(p.raw)), Codec: codec}
	if f.Payload = codec.compress(nil, p.raw); len(f.Payload) >= len(p.raw) && codec != None {
		f.Codec, f.Payload = None, append(f.Payload[:0], p.raw...)
	}
	p.count, p.table, p.data = 0, shrink(p.table), shrink(p.data)
	p.raw = shrink(p.raw)
	return f
}

// shrink empties b and gives an unusually large buffer back, so that a link
// that once carried a large entry does not keep its memory.
func shrink(b []byte) []byte {
	if cap(b) > 1<<20 {
		return nil
	}
	return b[:0]
}

// Unpacker takes frames apart. It is used by one goroutine at a time; the zero
// Unpacker is ready.
type Unpacker struct{ raw []byte }

// Unpack appends the frame's entries to dst. They point into the Unpacker and
// are valid until the next call. The error wraps ErrFrame; nothing of a damaged
// frame is returned.
func (u *Unpacker) Unpack(dst []entry.Entry, f *Frame) ([]entry.Entry, error) {
	raw, err := f.Codec.expand(shrink(u.raw), f.Payload, int(f.Raw))
	if err != nil {
		return dst, err
	}
	u.raw = raw
	length, n := binary.Uvarint(raw)
	if n <= 0 || length > uint64(len(raw)-n) {
		return dst, fmt.Errorf("%w: its table is cut off", ErrFrame)
	}
	table, data := raw[n:n+int(length)], raw[n+int(length):]
	if f.Count > MaxEntries || uint64(f.Count)*4 > length {
		return dst, fmt.Errorf("%w: %d entries in a table of %d bytes", ErrFrame, f.Count, length)
	}
	start, when := len(dst), int64(0)
	for i := range f.Count {
		var row tableRow
		if row, table = readRow(table); row.bad {
			return dst[:start], fmt.Errorf("%w: row %d of its table is damaged", ErrFrame, i)
		}
		when += row.time
		e := entry.Entry{Offset: f.First + geo.Offset(i), Time: when}
		if data, err = row.cut(&e, data); err != nil {
			return dst[:start], err
		}
		dst = append(dst, e)
	}
	if len(table) != 0 || len(data) != 0 {
		return dst[:start], fmt.Errorf("%w: %d bytes are left over", ErrFrame, len(table)+len(data))
	}
	return dst, nil
}

type tableRow struct {
	time                  int64
	subject, header, body uint64
	bad                   bool
}

func readRow(table []byte) (tableRow, []byte) {
	var row tableRow
	var n int
	if row.time, n = binary.Varint(table); n <= 0 {
		return tableRow{bad: true}, nil
	}
	table = table[n:]
	for _, field := range []*uint64{&row.subject, &row.header, &row.body} {
		if *field, n = binary.Uvarint(table); n <= 0 {
			return tableRow{bad: true}, nil
		}
		table = table[n:]
	}
	return row, table
}

// cut takes the row's subject, header and body from the front of data.
func (row *tableRow) cut(e *entry.Entry, data []byte) (rest []byte, err error) {
	room := uint64(len(data))
	header := max(row.header, 1) - 1
	if row.subject > room || header > room || row.body > room || row.subject+header+row.body > room {
		return nil, fmt.Errorf("%w: an entry reaches beyond its end", ErrFrame)
	}
	e.Subject, data = data[:row.subject:row.subject], data[row.subject:]
	if row.header > 0 {
		e.Header, data = data[:header:header], data[header:]
	}
	e.Body, data = data[:row.body:row.body], data[row.body:]
	return data, nil
}
