package broker

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"geomq/geo"
)

// A seal is stored as
//
//	version 1 | block uvarint | digest 16 bytes | count uvarint |
//	count × uvarint: distance to the absent offset before, the first from the block's start |
//	CRC-32C of all that, little-endian
const (
	sealVersion = 1
	sealLeast   = 1 + 1 + 16 + 1 + crcSize
	crcSize     = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeSeal(s geo.Seal) []byte {
	b := binary.AppendUvarint([]byte{sealVersion}, uint64(s.Block))
	b = append(b, s.Digest[:]...)
	b = binary.AppendUvarint(b, uint64(len(s.Absent)))
	before := s.Block.Range().First
	for _, offset := range s.Absent {
		b = binary.AppendUvarint(b, uint64(offset-before))
		before = offset
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeSeal reads what encodeSeal wrote; the error wraps ErrSeal.
func decodeSeal(b []byte) (geo.Seal, error) {
	var s geo.Seal
	if len(b) < sealLeast {
		return s, fmt.Errorf("%w: %d bytes are too few", ErrSeal, len(b))
	}
	body, sum := b[:len(b)-crcSize], binary.LittleEndian.Uint32(b[len(b)-crcSize:])
	if crc32.Checksum(body, castagnoli) != sum {
		return s, fmt.Errorf("%w: the checksum is wrong", ErrSeal)
	}
	if body[0] != sealVersion {
		return s, fmt.Errorf("%w: version %d is unknown", ErrSeal, body[0])
	}
	block, body, ok := cutUvarint(body[1:])
	if !ok || block >= 1<<50 || len(body) < len(s.Digest) {
		return s, fmt.Errorf("%w: it is cut off", ErrSeal)
	}
	s.Block = geo.Block(block)
	copy(s.Digest[:], body)
	var err error
	s.Absent, err = decodeAbsent(s.Block, body[len(s.Digest):])
	return s, err
}

func decodeAbsent(block geo.Block, b []byte) ([]geo.Offset, error) {
	count, b, ok := cutUvarint(b)
	if !ok || count > geo.BlockSize {
		return nil, fmt.Errorf("%w: it lists %d absent offsets", ErrSeal, count)
	}
	var absent []geo.Offset
	within, before := block.Range(), block.Range().First
	for i := range count {
		var distance uint64
		distance, b, ok = cutUvarint(b)
		if !ok || distance >= geo.BlockSize || (distance == 0 && i > 0) || !within.Contains(before+geo.Offset(distance)) {
			return nil, fmt.Errorf("%w: absent offsets are not in order within the block", ErrSeal)
		}
		before += geo.Offset(distance)
		absent = append(absent, before)
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: %d bytes follow it", ErrSeal, len(b))
	}
	return absent, nil
}

func cutUvarint(b []byte) (n uint64, rest []byte, ok bool) {
	n, length := binary.Uvarint(b)
	if length <= 0 {
		return 0, b, false
	}
	return n, b[length:], true
}
