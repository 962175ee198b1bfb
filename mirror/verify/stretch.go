package verify

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"geomq/geo"
	"geomq/geo/entry"
)

// Stretch is what one holder says about a run of consecutive offsets, computed
// from the entries it really stores.
//
// In JSON it is {"first":1,"last":1024,"entries":1024,"digest":"<hex>"}, and
// "sealed":"<hex>" where the holder has a seal.
type Stretch struct {
	Range geo.Range
	// Digest is entry.Combine over the digests of the range's offsets. Where
	// offsets were asked for one by one (step 1) it is the entry's own digest,
	// zero for a missing entry.
	Digest entry.Digest
	// Entries counts the entries that are there.
	Entries uint64
	// Sealed is what the holder's recorded seal says, nil where it has none or
	// where Range is not a whole aligned block.
	Sealed *entry.Digest
}

// stretchJSON is the written form of a Stretch.
type stretchJSON struct {
	First   geo.Offset `json:"first"`
	Last    geo.Offset `json:"last"`
	Entries uint64     `json:"entries"`
	Digest  string     `json:"digest"`
	Sealed  string     `json:"sealed,omitempty"`
}

// MarshalJSON writes s with its digests in hexadecimal.
func (s Stretch) MarshalJSON() ([]byte, error) {
	out := stretchJSON{First: s.Range.First, Last: s.Range.Last, Entries: s.Entries, Digest: FormatDigest(s.Digest)}
	if s.Sealed != nil {
		out.Sealed = FormatDigest(*s.Sealed)
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote. The error wraps ErrDigest where a
// digest is none.
func (s *Stretch) UnmarshalJSON(text []byte) error {
	var in stretchJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	digest, err := ParseDigest(in.Digest)
	if err != nil {
		return err
	}
	*s = Stretch{Range: geo.Range{First: in.First, Last: in.Last}, Digest: digest, Entries: in.Entries}
	if in.Sealed == "" {
		return nil
	}
	sealed, err := ParseDigest(in.Sealed)
	s.Sealed = &sealed
	return err
}

// FormatDigest writes d as 32 hexadecimal digits.
func FormatDigest(d entry.Digest) string { return hex.EncodeToString(d[:]) }

// ParseDigest reads what FormatDigest wrote; the error wraps ErrDigest.
func ParseDigest(text string) (entry.Digest, error) {
	var d entry.Digest
	if len(text) != hex.EncodedLen(len(d)) {
		return d, fmt.Errorf("%w: %.40q has %d characters, want %d", ErrDigest, text, len(text), hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return entry.Digest{}, fmt.Errorf("%w: %q: %w", ErrDigest, text, err)
	}
	return d, nil
}
