package gossip

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// metaVersion is the first byte of every meta. Within a version, fields are
	// only ever added at the end: readers ignore what they don't know.
	metaVersion = 1
	maxMeta     = memberlist.MetaMaxSize
	// maxLife bounds life numbers: a node gains one by a restart.
	maxLife = math.MaxUint32
)

// encodeMeta writes what a node says of itself besides its member name: version
// byte, start in nanoseconds since 1970 (0: not told), link protocol, life
// number, then NATS, admin and version as length and bytes. Numbers are uvarints.
func encodeMeta(n Node, life uint64) []byte {
	meta := make([]byte, 0, 128)
	meta = append(meta, metaVersion)
	meta = binary.AppendUvarint(meta, nanos(n.Started))
	meta = binary.AppendUvarint(meta, uint64(n.Protocol))
	meta = binary.AppendUvarint(meta, life)
	for _, text := range []string{n.NATS, n.Admin, n.Version} {
		meta = binary.AppendUvarint(meta, uint64(len(text)))
		meta = append(meta, text...)
	}
	return meta
}

func nanos(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

// decodeMeta reads a node and its life number from foreign bytes. The error wraps
// errMeta.
func decodeMeta(member string, meta []byte) (n Node, life uint64, err error) {
	if n, err = parseMember(member); err != nil {
		return Node{}, 0, err
	}
	if len(meta) == 0 || len(meta) > maxMeta || meta[0] != metaVersion {
		return Node{}, 0, fmt.Errorf("%w: the meta is not of version %d", errMeta, metaVersion)
	}
	r := metaReader{rest: meta[1:]}
	if started := r.number(math.MaxInt64); started != 0 {
		n.Started = time.Unix(0, int64(started)).UTC()
	}
	n.Protocol = int(r.number(math.MaxInt32))
	life = r.number(maxLife)
	n.NATS, n.Admin, n.Version = r.text(), r.text(), r.text()
	if r.err != nil {
		return Node{}, 0, r.err
	}
	return n, life, nil
}

// metaReader takes fields off the front of a meta; after the first error all that
// follow are zero.
type metaReader struct {
	rest []byte
	err  error
}

func (r *metaReader) number(most uint64) uint64 {
	if r.err != nil {
		return 0
	}
	v, size := binary.Uvarint(r.rest)
	if size <= 0 || v > most {
		r.err = fmt.Errorf("%w: a number is cut off or too large", errMeta)
		return 0
	}
	r.rest = r.rest[size:]
	return v
}

func (r *metaReader) text() string {
	size := r.number(maxMeta)
	if r.err != nil {
		return ""
	}
	if size > uint64(len(r.rest)) {
		r.err = fmt.Errorf("%w: a text is cut off", errMeta)
		return ""
	}
	text := string(r.rest[:size])
	r.rest = r.rest[size:]
	if err := checkText(text); err != nil {
		r.err = fmt.Errorf("%w: %w", errMeta, err)
		return ""
	}
	return text
}
