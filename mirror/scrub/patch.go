package scrub

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror"
)

// maxPatch is how many bytes of entries a Patch holds at most.
const maxPatch = 64 << 20

// Patch is what another holder has in a block, as far as the local copy has it
// otherwise.
type Patch struct {
	Block geo.Block
	// Kind says what the local copy is.
	Kind mirror.Damage
	// From is the holder, Found when the damage was found.
	From  geo.Region
	Found time.Time
	// Entries take the place of those here, ascending; Drop are offsets that hold
	// an entry here and none in the log, ascending.
	Entries []entry.Entry
	Drop    []geo.Offset
}

// partHeader stands in front of each part of a stored patch, as JSON.
type partHeader struct {
	Version int           `json:"version"`
	Block   geo.Block     `json:"block"`
	Kind    mirror.Damage `json:"kind"`
	From    geo.Region    `json:"from"`
	Found   time.Time     `json:"found"`
	Part    int           `json:"part"` // from 0
	Of      int           `json:"of"`
	Drop    []geo.Offset  `json:"drop,omitempty"` // of part 0
}

const partVersion = 1

// Parts writes p for storing: as parts of about size bytes, each the length of
// its header, the header, then frames of the link protocol, each behind its
// length. A part is longer than size only by what a single frame needs: one of
// at most 64 KiB, or a single entry, and 256 bytes, or 16 KiB in the first.
func (p *Patch) Parts(size int) [][]byte {
	bodies := [][]byte{nil}
	for _, frame := range frames(p.Entries) {
		last := len(bodies) - 1
		if len(bodies[last]) > 0 && len(bodies[last])+len(frame) > size {
			bodies, last = append(bodies, nil), last+1
		}
		bodies[last] = append(binary.AppendUvarint(bodies[last], uint64(len(frame))), frame...)
	}
	parts := make([][]byte, len(bodies))
	for i, body := range bodies {
		h := partHeader{Version: partVersion, Block: p.Block, Kind: p.Kind, From: p.From, Found: p.Found, Part: i, Of: len(bodies)}
		if i == 0 {
			h.Drop = p.Drop
		}
		text, err := json.Marshal(h)
		if err != nil {
			panic(fmt.Sprintf("scrub: a header that can't be written as JSON: %v", err)) // plain fields: can't be
		}
		parts[i] = append(append(binary.AppendUvarint(nil, uint64(len(text))), text...), body...)
	}
	return parts
}

// frames packs entries; those of a frame follow each other.
func frames(entries []entry.Entry) (packed [][]byte) {
	const full = 64 << 10
	var packer mirror.Packer
	for i := range entries {
		e := &entries[i]
		if n := packer.Count(); n > 0 && (entries[i-1].Offset+1 != e.Offset || packer.Size()+e.Size() > full) {
			packed = append(packed, mirror.Encode(nil, packer.Pack(mirror.Zstd)))
		}
		packer.Add(e)
	}
	if packer.Count() > 0 {
		packed = append(packed, mirror.Encode(nil, packer.Pack(mirror.Zstd)))
	}
	return packed
}

// ParsePatch puts the parts of a patch, in order, together again. The error wraps
// ErrPatch.
func ParsePatch(parts [][]byte) (Patch, error) {
	var p Patch
	size := 0
	for i, part := range parts {
		h, rest, err := cutHeader(part)
		switch {
		case err != nil:
			return Patch{}, err
		case h.Version != partVersion:
			return Patch{}, fmt.Errorf("%w: version %d is unknown", ErrPatch, h.Version)
		case h.Part != i || h.Of != len(parts):
			return Patch{}, fmt.Errorf("%w: part %d of %d came as part %d of %d", ErrPatch, h.Part, h.Of, i, len(parts))
		case i == 0:
			p = Patch{Block: h.Block, Kind: h.Kind, From: h.From, Found: h.Found, Drop: h.Drop}
		case h.Block != p.Block:
			return Patch{}, fmt.Errorf("%w: part %d is of block %d, not %d", ErrPatch, i, h.Block, p.Block)
		}
		if p.Entries, err = unpack(p.Entries, rest, &size); err != nil {
			return Patch{}, err
		}
	}
	if len(parts) == 0 {
		return Patch{}, fmt.Errorf("%w: it has no parts", ErrPatch)
	}
	return p, p.check()
}

func cutHeader(part []byte) (h partHeader, rest []byte, err error) {
	text, rest, ok := cut(part)
	if !ok {
		return h, nil, fmt.Errorf("%w: it is cut off", ErrPatch)
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, nil, fmt.Errorf("%w: %w", ErrPatch, err)
	}
	return h, rest, nil
}

// unpack appends the entries of the frames in b to entries.
func unpack(entries []entry.Entry, b []byte, size *int) ([]entry.Entry, error) {
	for len(b) > 0 {
		text, rest, ok := cut(b)
		if !ok {
			return nil, fmt.Errorf("%w: a frame is cut off", ErrPatch)
		}
		m, err := mirror.Decode(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPatch, err)
		}
		frame, ok := m.(*mirror.Frame)
		if !ok || frame.Raw > mirror.MaxRaw {
			return nil, fmt.Errorf("%w: a %s of no use in it", ErrPatch, m.Kind())
		}
		if *size += int(frame.Raw); *size > 2*maxPatch || len(entries)+int(frame.Count) > geo.BlockSize {
			return nil, fmt.Errorf("%w: it holds more than a block", ErrPatch)
		}
		var unpacker mirror.Unpacker // the entries keep what it unpacks
		if entries, err = unpacker.Unpack(entries, frame); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPatch, err)
		}
		b = rest
	}
	return entries, nil
}

// cut takes a text behind its length from the front of b.
func cut(b []byte) (text, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(length)], b[n+int(length):], true
}

// check says what contradicts itself in p.
func (p *Patch) check() error {
	if p.Block >= 1<<54-1 {
		return fmt.Errorf("%w: there is no block %d", ErrPatch, p.Block)
	}
	r := p.Block.Range()
	offsets := make([]geo.Offset, 0, len(p.Entries)+len(p.Drop))
	for i := range p.Entries {
		offsets = append(offsets, p.Entries[i].Offset)
	}
	if !ascending(offsets, r) || !ascending(p.Drop, r) {
		return fmt.Errorf("%w: its offsets are out of order or not of block %d", ErrPatch, p.Block)
	}
	for _, o := range p.Drop {
		if _, both := slices.BinarySearch(offsets, o); both {
			return fmt.Errorf("%w: offset %d is replaced and dropped", ErrPatch, o)
		}
	}
	return nil
}

func ascending(offsets []geo.Offset, within geo.Range) bool {
	for i, o := range offsets {
		if !within.Contains(o) || i > 0 && o <= offsets[i-1] {
			return false
		}
	}
	return true
}
