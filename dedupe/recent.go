package dedupe

import (
	"hash/maphash"

	"geomq/geo"
	"geomq/geo/entry"
)

// Verdict says what an entry that arrives is.
type Verdict int

// The verdicts.
const (
	// Fresh is an entry at the next offset, with a key not seen lately.
	Fresh Verdict = iota
	// Repeat is an entry at the next offset whose key stands at an earlier
	// offset too: it is stored, and counted.
	Repeat
	// Resend is an entry that is there already, the same at the same offset.
	Resend
	// Conflict is another entry at an offset that is taken: rule 2 is broken.
	Conflict
	// Forgotten is an entry at an offset too old to be remembered: it can't be
	// told from a conflict, so the caller compares it with what is stored.
	Forgotten
	// Ahead is an entry beyond the next offset: something is missing before it.
	Ahead
)

var verdicts = [...]string{"fresh", "repeat", "resend", "conflict", "forgotten", "ahead"}

func (v Verdict) String() string { return verdicts[v] }

// Recent remembers the newest entries of one CommitLog.
type Recent struct {
	seed maphash.Seed
	last geo.Offset
	ring []seen // entry at offset o stands at o % len(ring)
	size int
	keys map[uint64]geo.Offset // hash of an explicit key → its newest offset
}

type seen struct {
	offset geo.Offset
	key    uint64 // 0 for an entry without a key of its own
	digest entry.Digest
}

// NewRecent returns a Recent of a log that ends at last and remembers up to size
// entries from there on. Memory is taken as entries come, about 80 bytes each.
func NewRecent(last geo.Offset, size int) *Recent {
	return &Recent{seed: maphash.MakeSeed(), last: last, size: max(size, 1), keys: make(map[uint64]geo.Offset)}
}

// Last is the newest offset that Recent knows of.
func (r *Recent) Last() geo.Offset { return r.last }

// Judge says what e is, whose digest is given, and remembers it if it is Fresh
// or a Repeat.
func (r *Recent) Judge(e *entry.Entry, digest entry.Digest) Verdict {
	switch {
	case e.Offset > r.last+1:
		return Ahead
	case e.Offset <= r.last:
		return r.again(e.Offset, digest)
	}
	key := r.hash(e)
	_, repeated := r.keys[key]
	r.remember(seen{offset: e.Offset, key: key, digest: digest})
	if key != 0 && repeated {
		return Repeat
	}
	return Fresh
}

// again judges an offset that is taken. A digest covers offset, time, header
// (and so the key) and body: equal digests are one entry, others are two.
func (r *Recent) again(offset geo.Offset, digest entry.Digest) Verdict {
	if len(r.ring) == 0 || offset == 0 {
		return Forgotten
	}
	at := int(uint64(offset) % uint64(r.size))
	if at >= len(r.ring) || r.ring[at].offset != offset {
		return Forgotten
	}
	if r.ring[at].digest != digest {
		return Conflict
	}
	return Resend
}

// hash is that of the producer's key, 0 where it gave none: the place that
// stands in for it never repeats.
func (r *Recent) hash(e *entry.Entry) uint64 {
	id := entry.Value(e.Header, entry.MessageID)
	if len(id) == 0 {
		return 0
	}
	return max(maphash.Bytes(r.seed, id), 1)
}

func (r *Recent) remember(s seen) {
	at := int(uint64(s.offset) % uint64(r.size))
	for len(r.ring) <= at {
		r.ring = append(r.ring, seen{})
	}
	if old := r.ring[at]; old.key != 0 && r.keys[old.key] == old.offset {
		delete(r.keys, old.key)
	}
	r.ring[at], r.last = s, s.offset
	if s.key != 0 {
		r.keys[s.key] = s.offset
	}
}
