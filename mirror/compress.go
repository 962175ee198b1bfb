package mirror

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codec is a compression of frames.
type Codec byte

// The codecs. Their numbers are part of the wire format.
const (
	None Codec = iota
	S2
	Zstd
)

var codecNames = [...]string{None: "none", S2: "s2", Zstd: "zstd", zstdStream: "zstd-stream", zstdFirst: "zstd-first", zstdNext: "zstd-next"}

// String is the name that configuration and handshake use.
func (c Codec) String() string {
	if int(c) < len(codecNames) {
		return codecNames[c]
	}
	return fmt.Sprintf("codec %d", byte(c))
}

// ParseCodec finds a codec by its name, as configuration and handshake use it.
func ParseCodec(name string) (Codec, bool) {
	for c, n := range codecNames[:zstdStream+1] {
		if n == name {
			return Codec(c), true
		}
	}
	return None, false
}

// MaxRaw is the longest frame payload before compression, in bytes: the largest
// entry that any region may have (8 MiB) and its envelope. Nothing bigger is
// ever allocated for a frame, whatever its header says.
const MaxRaw = 8<<20 + 256<<10

// One encoder and one decoder serve all links of the process: both are safe for
// concurrent EncodeAll and DecodeAll, and a link of its own pair would cost
// megabytes while idle. Measured on 39,244 real events in frames of 256 KiB, the
// default level takes 79 bytes an event at 600,000 events a second, the fastest
// 82 bytes at 720,000.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(false), zstd.WithWindowSize(512<<10))
		if err != nil {
			panic(err) // constant options
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxRaw), zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic(err) // constant options
		}
		return d
	})
)

// compress appends raw to dst, compressed by c.
func (c Codec) compress(dst, raw []byte) []byte {
	switch c {
	case Zstd:
		return encoder().EncodeAll(raw, dst)
	case S2:
		at := len(dst)
		dst = append(dst, make([]byte, s2.MaxEncodedLen(len(raw)))...)
		return dst[:at+len(s2.Encode(dst[at:], raw))]
	}
	return append(dst, raw...)
}

// expand undoes compress into dst[:0]. It refuses a result of any other length
// than raw before it takes memory for it; the error wraps ErrFrame.
func (c Codec) expand(dst, packed []byte, raw int) ([]byte, error) {
	if raw < 0 || raw > MaxRaw {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrFrame, raw, MaxRaw)
	}
	var err error
	switch c {
	case None:
		if len(packed) == raw {
			dst = append(dst[:0], packed...)
		} else {
			err = errLength
		}
	case S2:
		dst, err = expandS2(dst, packed, raw)
	case Zstd:
		dst, err = expandZstd(dst, packed, raw)
	default:
		return nil, fmt.Errorf("%w: unknown %s", ErrFrame, c)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFrame, c, err)
	}
	if len(dst) != raw {
		return nil, fmt.Errorf("%w: %d bytes expand to %d, not %d", ErrFrame, len(packed), len(dst), raw)
	}
	return dst, nil
}

// errLength says that a payload is of another length than its frame claims.
var errLength = errors.New("not the length it claims")

// expandZstd leaves room for raw bytes and no more: the decoder takes no memory
// beyond it. Our encoder writes the length in front unless it is under 256, so
// that a payload that contradicts its frame is refused before room is made.
func expandZstd(dst, packed []byte, raw int) ([]byte, error) {
	var header zstd.Header
	if err := header.Decode(packed); err != nil {
		return nil, err
	}
	if header.HasFCS && header.FrameContentSize != uint64(raw) || !header.HasFCS && raw >= 256 {
		return nil, errLength
	}
	if cap(dst) < raw {
		dst = make([]byte, 0, raw)
	}
	out, err := decoder().DecodeAll(packed, dst[:0:raw])
	if err == nil && len(out) > raw {
		err = errLength
	}
	if err != nil { // what came before the mistake may be longer than there is room for
		return nil, err
	}
	return out, nil
}

func expandS2(dst, packed []byte, raw int) ([]byte, error) {
	n, err := s2.DecodedLen(packed)
	if err != nil {
		return nil, err
	}
	if n != raw {
		return nil, errLength
	}
	if cap(dst) < raw {
		dst = make([]byte, raw)
	}
	return s2.Decode(dst[:raw], packed)
}
