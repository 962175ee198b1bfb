package ledger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// A record is stored as
//
//	version 1 | stream | epoch uvarint | offset uvarint | time varint |
//	subject | header: 0 for none, else length + 1, bytes | body | digest 16 bytes |
//	found | reason | at varint | CRC-32C of all that, little-endian
//
// and a mark that it was published again as
//
//	version 1 | at varint | as | CRC-32C
//
// where texts have their length as uvarint in front, and times are nanoseconds
// since 1970, the zero time being 0.
const (
	codecVersion = 1
	sumSize      = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encode(r *Record) []byte {
	e := &r.Entry
	b := make([]byte, 0, 256+e.Size()+len(r.Reason))
	b = appendText(append(b, codecVersion), r.Log.Stream())
	b = binary.AppendUvarint(b, r.Epoch)
	b = binary.AppendUvarint(b, uint64(e.Offset))
	b = binary.AppendVarint(b, e.Time)
	b = appendText(b, e.Subject)
	if e.Header == nil {
		b = append(b, 0)
	} else {
		b = append(binary.AppendUvarint(b, uint64(len(e.Header))+1), e.Header...)
	}
	b = appendText(b, e.Body)
	b = append(b, r.Digest[:]...)
	b = appendText(b, r.Found)
	b = appendText(b, r.Reason)
	return sealed(appendTime(b, r.At))
}

// decode reads what encode wrote; the record shares b's memory. ID and what is
// known of a republication are left empty. The error wraps ErrRecord.
func decode(b []byte) (Record, error) {
	var r Record
	d, err := open(b)
	if err != nil {
		return r, err
	}
	stream := string(d.text())
	r.Epoch = d.uvarint()
	e := &r.Entry
	e.Offset = geo.Offset(d.uvarint())
	e.Time = d.varint()
	e.Subject = d.text()
	if n := d.uvarint(); n > 0 {
		e.Header = d.bytes(n - 1)
	}
	e.Body = d.text()
	copy(r.Digest[:], d.bytes(uint64(len(r.Digest))))
	found := string(d.text())
	r.Reason = string(d.text())
	r.At = d.time()
	if err := d.end(); err != nil {
		return Record{}, err
	}
	return r, r.understood(stream, found)
}

// understood completes r by what has rules of its own.
func (r *Record) understood(stream, found string) (err error) {
	if r.Log, err = geo.ParseCommitLog(stream); err != nil {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if found != "" {
		if r.Found, err = geo.ParseRegion(found); err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
	}
	var h entry.Hasher
	if h.Entry(&r.Entry) != r.Digest {
		return fmt.Errorf("%w: the entry at offset %d of %s has another digest", ErrRecord, r.Entry.Offset, stream)
	}
	return nil
}

// mark says that a record was published again.
type mark struct {
	at time.Time
	as string
}

func (m mark) encode() []byte {
	return sealed(appendText(appendTime([]byte{codecVersion}, m.at), m.as))
}

func decodeMark(b []byte) (mark, error) {
	d, err := open(b)
	if err != nil {
		return mark{}, err
	}
	m := mark{at: d.time(), as: string(d.text())}
	return m, d.end()
}

func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, 0)
	}
	return binary.AppendVarint(b, t.UnixNano())
}

func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decoder takes parts from the front; after the first that isn't whole, there is
// nothing but zeros.
type decoder struct {
	rest   []byte
	failed bool
}

// open checks what stands around the parts.
func open(b []byte) (*decoder, error) {
	if len(b) < 1+sumSize {
		return nil, fmt.Errorf("%w: %d bytes are too few", ErrRecord, len(b))
	}
	body, sum := b[:len(b)-sumSize], binary.LittleEndian.Uint32(b[len(b)-sumSize:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, fmt.Errorf("%w: the checksum is wrong", ErrRecord)
	}
	if body[0] != codecVersion {
		return nil, fmt.Errorf("%w: version %d is unknown", ErrRecord, body[0])
	}
	return &decoder{rest: body[1:]}, nil
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	return advance(d, n, size)
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.rest)
	return advance(d, n, size)
}

func advance[N uint64 | int64](d *decoder, n N, size int) N {
	if d.failed || size <= 0 {
		d.failed = true
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) bytes(n uint64) []byte {
	if d.failed || n > uint64(len(d.rest)) {
		d.failed = true
		return nil
	}
	part := d.rest[:n:n]
	d.rest = d.rest[n:]
	return part
}

func (d *decoder) text() []byte { return d.bytes(d.uvarint()) }

func (d *decoder) time() time.Time {
	if n := d.varint(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

func (d *decoder) end() error {
	if d.failed {
		return fmt.Errorf("%w: it is cut off", ErrRecord)
	}
	if len(d.rest) > 0 {
		return fmt.Errorf("%w: %d bytes follow it", ErrRecord, len(d.rest))
	}
	return nil
}
