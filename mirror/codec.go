package mirror

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"

	"geomq/geo"
)

// A message on the wire is its kind (one byte), its body, and a CRC-32C over
// both as four bytes. The bodies of Hello, Welcome and Refusal are JSON, since
// later versions add to them; the others are fixed fields in little-endian.

const (
	maxHandshake = 64 << 10
	checksumLen  = 4
	// frameHeader is kind, session, number, first, count, raw and codec.
	frameHeader = 1 + 8 + 8 + 8 + 4 + 4 + 1
	// FrameOverhead is how many bytes a frame has beyond its payload.
	FrameOverhead = frameHeader + checksumLen
	// maxAbsent is as many holes as a block has offsets.
	maxAbsent = geo.BlockSize
	// maxBlock is the last block whose offsets are all numbers of 64 bits.
	maxBlock = 1<<54 - 2
	// maxCause is longer than any Cause.
	maxCause = 64
	// maxReason is how much of a deletion's reason travels, in bytes.
	maxReason = 1 << 10
	// maxGaps is how many given-up stretches a Hello names at most.
	maxGaps = 512
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode appends m to dst in its wire form.
func Encode(dst []byte, m Message) []byte {
	if f, ok := m.(*Frame); ok {
		dst = slices.Grow(dst, FrameOverhead+len(f.Payload))
	}
	start := len(dst)
	dst = append(dst, byte(m.Kind()))
	switch m := m.(type) {
	case *Frame:
		dst = appendFrame(dst, m)
	case *SealNote:
		dst = appendSeal(dst, m)
	case *Hole:
		dst = append(appendNumbers(dst, uint64(m.Session), m.Number, uint64(m.First), uint64(m.Last)), byte(m.Why))
	case *DeletionNote:
		dst = appendDeletion(dst, m)
	case *Beat:
		dst = appendNumbers(dst, uint64(m.Session), m.Frames, uint64(m.Sealed), uint64(m.Head.First), uint64(m.Head.Last), uint64(m.Head.Time), m.Head.Bytes, m.Head.Entries)
	case *Credit:
		dst = appendNumbers(dst, uint64(m.Session), m.Granted, uint64(m.Applied))
	case *Bye:
		dst = append(appendNumbers(dst, uint64(m.Session)), m.Cause...)
	default:
		text, err := json.Marshal(m)
		if err != nil {
			panic(fmt.Sprintf("mirror: a %s that can't be written as JSON: %v", m.Kind(), err)) // plain fields only: can't be
		}
		dst = append(dst, text...)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

func appendNumbers(dst []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	return dst
}

func appendFrame(dst []byte, f *Frame) []byte {
	dst = appendNumbers(dst, uint64(f.Session), f.Number, uint64(f.First))
	dst = binary.LittleEndian.AppendUint32(dst, f.Count)
	dst = binary.LittleEndian.AppendUint32(dst, f.Raw)
	dst = append(dst, byte(f.Codec))
	return append(dst, f.Payload...)
}

func appendSeal(dst []byte, m *SealNote) []byte {
	dst = appendNumbers(dst, uint64(m.Session), uint64(m.From), uint64(m.Seal.Block))
	dst = append(dst, m.Seal.Digest[:]...)
	for _, o := range m.Seal.Absent {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(o))
	}
	return dst
}

func appendDeletion(dst []byte, m *DeletionNote) []byte {
	d := &m.Deletion
	dst = appendNumbers(dst, uint64(m.Session), m.Number, d.Number, uint64(d.Block), uint64(d.At))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(d.Offsets)))
	for _, o := range d.Offsets {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(o))
	}
	for _, digest := range d.Digests {
		dst = append(dst, digest[:]...)
	}
	return append(dst, d.Reason[:min(len(d.Reason), maxReason)]...)
}

// Decode reads one message. What it returns points into data. The error wraps
// ErrMessage.
func Decode(data []byte) (Message, error) {
	if len(data) < 1+checksumLen {
		return nil, fmt.Errorf("%w: %d bytes", ErrMessage, len(data))
	}
	body, sum := data[:len(data)-checksumLen], data[len(data)-checksumLen:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(sum) {
		return nil, fmt.Errorf("%w: checksum of %d bytes is wrong", ErrMessage, len(data))
	}
	kind, body := Kind(body[0]), body[1:]
	var m Message
	switch kind {
	case KindFrame:
		m = decodeFrame(body)
	case KindSeal:
		m = decodeSeal(body)
	case KindBeat:
		m = decodeBeat(body)
	case KindCredit:
		m = decodeCredit(body)
	case KindBye:
		m = decodeBye(body)
	case KindHole:
		m = decodeHole(body)
	case KindDeletion:
		m = decodeDeletion(body)
	case KindHello:
		m = decodeJSON(body, &Hello{})
	case KindWelcome:
		m = decodeJSON(body, &Welcome{})
	case KindRefusal:
		m = decodeJSON(body, &Refusal{})
	}
	if m == nil {
		return nil, fmt.Errorf("%w: kind %d, %d bytes", ErrMessage, kind, len(data))
	}
	return m, nil
}

func decodeJSON(body []byte, m Message) Message {
	if len(body) > maxHandshake || json.Unmarshal(body, m) != nil {
		return nil
	}
	return m
}

func decodeFrame(b []byte) Message {
	if len(b) < frameHeader-1 {
		return nil
	}
	f := &Frame{
		Session: Session(number(b, 0)), Number: number(b, 1), First: geo.Offset(number(b, 2)),
		Count: binary.LittleEndian.Uint32(b[24:]), Raw: binary.LittleEndian.Uint32(b[28:]),
		Codec: Codec(b[32]), Payload: b[33:],
	}
	if f.First == 0 || f.Count == 0 || f.Count > MaxEntries || f.First+geo.Offset(f.Count) < f.First {
		return nil
	}
	return f
}

func decodeSeal(b []byte) Message {
	const fixed = 8 + 8 + 8 + 16
	if len(b) < fixed || (len(b)-fixed)%8 != 0 || (len(b)-fixed)/8 > maxAbsent {
		return nil
	}
	m := &SealNote{Session: Session(number(b, 0)), From: geo.Block(number(b, 1))}
	m.Seal = geo.Seal{Block: geo.Block(number(b, 2)), Digest: [16]byte(b[24:40])}
	if m.Seal.Block > maxBlock || m.From > m.Seal.Block {
		return nil
	}
	for i := fixed; i < len(b); i += 8 {
		m.Seal.Absent = append(m.Seal.Absent, geo.Offset(binary.LittleEndian.Uint64(b[i:])))
	}
	return m
}

func decodeBeat(b []byte) Message {
	if len(b) != 8*8 {
		return nil
	}
	return &Beat{Session: Session(number(b, 0)), Frames: number(b, 1), Sealed: geo.Block(number(b, 2)), Head: Head{
		First: geo.Offset(number(b, 3)), Last: geo.Offset(number(b, 4)), Time: int64(number(b, 5)),
		Bytes: number(b, 6), Entries: number(b, 7),
	}}
}

func decodeCredit(b []byte) Message {
	if len(b) != 3*8 {
		return nil
	}
	return &Credit{Session: Session(number(b, 0)), Granted: number(b, 1), Applied: geo.Offset(number(b, 2))}
}

func decodeBye(b []byte) Message {
	if len(b) < 8 || len(b) > 8+maxCause {
		return nil
	}
	return &Bye{Session: Session(number(b, 0)), Cause: Cause(b[8:])}
}

func decodeHole(b []byte) Message {
	if len(b) != 4*8+1 {
		return nil
	}
	h := &Hole{Session: Session(number(b, 0)), Number: number(b, 1), First: geo.Offset(number(b, 2)), Last: geo.Offset(number(b, 3)), Why: Why(b[32])}
	if h.First == 0 || h.Last < h.First || h.Last+1 == 0 {
		return nil
	}
	return h
}

// deletionHeader is session, number, the deletion's number, block, time and how
// many offsets it names; deletionEach is what each of these takes.
const (
	deletionHeader = 5*8 + 4
	deletionEach   = 8 + 16
)

// decodeDeletion makes room for no more than there are bytes.
func decodeDeletion(b []byte) Message {
	if len(b) < deletionHeader {
		return nil
	}
	count := binary.LittleEndian.Uint32(b[deletionHeader-4:])
	if count > geo.BlockSize || len(b) < deletionHeader+int(count)*deletionEach {
		return nil
	}
	m := &DeletionNote{Session: Session(number(b, 0)), Number: number(b, 1)}
	d := &m.Deletion
	d.Number, d.Block, d.At = number(b, 2), geo.Block(number(b, 3)), int64(number(b, 4))
	b = b[deletionHeader:]
	d.Offsets, d.Digests = make([]geo.Offset, count), make([][16]byte, count)
	for i := range d.Offsets {
		d.Offsets[i] = geo.Offset(number(b, i))
	}
	b = b[8*count:]
	for i := range d.Digests {
		copy(d.Digests[i][:], b[16*i:])
	}
	reason := b[16*count:]
	if d.Block > maxBlock || len(reason) > maxReason || d.Validate() != nil {
		return nil
	}
	d.Reason = string(reason)
	return m
}

func number(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }

// deletionSize is what d counts for in the credit: its length on the wire.
func deletionSize(d *geo.Deletion) uint64 {
	return uint64(1 + deletionHeader + len(d.Offsets)*deletionEach + min(len(d.Reason), maxReason) + checksumLen)
}
