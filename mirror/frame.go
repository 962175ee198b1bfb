package mirror

import (
	"bytes"
	"encoding/binary"

	"geomq/geo"
	"geomq/geo/entry"
)

// A frame's payload before compression is eight columns, one behind the other:
//
//	times      since the entry before (varint); the first since 1970
//	subjects   length of the subject (uvarint)
//	headers    length of the header plus 1, or 0 without one (uvarint)
//	bodies     length of the body (uvarint)
//	prefixes   bytes at the header's front that are those of the header before it
//	suffixes   the same at its end (both uvarint, only of entries with a header)
//	middles    what is left of each header
//	texts      subject and body of each entry
//
// The length of each but the last stands in front of it (uvarint). Offsets are
// not written: entry i of a frame stands at First + i. Numbers are kept apart
// from text, and headers apart from bodies, because both compress better that
// way; headers of one log are much alike and cost next to nothing so.

const (
	columnTimes = iota
	columnSubjects
	columnHeaders
	columnBodies
	columnPrefixes
	columnSuffixes
	columnMiddles
	columns // how many have a length in front
)

// MaxEntries is how many entries a frame holds at most. A tiny payload can
// expand to a long table of empty entries; this bounds what they cost.
const MaxEntries = 4096

// Packer collects consecutive entries for a frame. It is used by one goroutine
// at a time; the zero Packer is ready.
type Packer struct {
	first    geo.Offset
	count    uint32
	lastTime int64
	header   []byte // the newest one, copied
	size     int
	columns  [columns][]byte
	texts    []byte
	raw      []byte
	packed   []byte // scratch of Pack
	stream   packStream
}

// Add appends e, whose offset must follow the one before.
func (p *Packer) Add(e *entry.Entry) {
	if p.count == 0 {
		p.first, p.lastTime, p.header = e.Offset, 0, p.header[:0]
	}
	p.count++
	p.size += e.Size()
	p.columns[columnTimes] = binary.AppendVarint(p.columns[columnTimes], e.Time-p.lastTime)
	p.lastTime = e.Time
	p.number(columnSubjects, len(e.Subject))
	p.number(columnBodies, len(e.Body))
	p.addHeader(e.Header)
	p.texts = append(append(p.texts, e.Subject...), e.Body...)
}

func (p *Packer) number(column, n int) {
	p.columns[column] = binary.AppendUvarint(p.columns[column], uint64(n))
}

func (p *Packer) addHeader(header []byte) {
	if header == nil {
		p.number(columnHeaders, 0)
		return
	}
	prefix, suffix := shared(p.header, header)
	p.number(columnHeaders, len(header)+1)
	p.number(columnPrefixes, prefix)
	p.number(columnSuffixes, suffix)
	p.columns[columnMiddles] = append(p.columns[columnMiddles], header[prefix:len(header)-suffix]...)
	p.header = append(p.header[:0], header...)
}

// shared counts the bytes that a and b have in common at the front, and of what
// is left then at the end.
func shared(a, b []byte) (prefix, suffix int) {
	most := min(len(a), len(b))
	for prefix < most && a[prefix] == b[prefix] {
		prefix++
	}
	for suffix < most-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	return prefix, suffix
}

// Size is what the collected entries occupy in memory, in bytes. The frame's
// payload is shorter, but for its few bytes of lengths.
func (p *Packer) Size() int { return p.size }

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
	return p.pack(p.gather(codec))
}

// pack compresses what was gathered as a frame of its own.
func (p *Packer) pack(f *Frame) *Frame {
	p.Close()
	if f.Codec == zstdStream {
		f.Codec = Zstd
	}
	// An encoder takes memory for the worst case: it gets a buffer that is used
	// again, and the frame what it needs.
	packed := p.raw
	if f.Codec != None {
		p.packed = f.Codec.compress(p.packed[:0], p.raw)
		packed = p.packed
	}
	if len(packed) >= len(p.raw) {
		f.Codec, packed = None, p.raw
	}
	return p.finish(f, packed)
}

// PackFull is Pack for a frame behind which another one follows at once: where
// sink and source have agreed on it, such frames in a row are one stream
// (stream.go).
func (p *Packer) PackFull(codec Codec) *Frame {
	f := p.gather(codec)
	if codec == zstdStream && len(p.raw) <= maxStreamed {
		if streamed, packed, ok := p.stream.next(p.raw); ok {
			f.Codec = streamed
			return p.finish(f, packed)
		}
	}
	return p.pack(f)
}

// Close gives back what a stream holds. The Packer may be used again.
func (p *Packer) Close() { p.stream.end() }

// gather puts the columns together in p.raw.
func (p *Packer) gather(codec Codec) *Frame {
	p.raw = p.raw[:0]
	for _, column := range p.columns {
		p.raw = append(binary.AppendUvarint(p.raw, uint64(len(column))), column...)
	}
	p.raw = append(p.raw, p.texts...)
	return &Frame{First: p.first, Count: p.count, Raw: uint32(len(p.raw)), Codec: codec}
}

// finish begins anew.
func (p *Packer) finish(f *Frame, packed []byte) *Frame {
	f.Payload = bytes.Clone(packed)
	for i := range p.columns {
		p.columns[i] = shrink(p.columns[i])
	}
	p.packed = shrink(p.packed)
	p.count, p.size, p.header, p.texts, p.raw = 0, 0, shrink(p.header), shrink(p.texts), shrink(p.raw)
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
