package client

import (
	"fmt"
	"strconv"
	"time"

	"geomq/geo"
)

// Start says where in its CommitLogs a reader begins. The zero Start is their
// beginning.
type Start struct {
	new    bool
	offset geo.Offset
	since  time.Time
}

// FromBeginning starts at the oldest entry that is kept.
func FromBeginning() Start { return Start{} }

// FromNew starts behind the newest entry.
func FromNew() Start { return Start{new: true} }

// FromOffset starts at offset o of every CommitLog.
func FromOffset(o geo.Offset) Start { return Start{offset: o} }

// FromTime starts at the first entry that its origin stored at t or later.
func FromTime(t time.Time) Start { return Start{since: t} }

// ParseStart reads "beginning", "new", an offset ("1234"), a time as RFC 3339
// has it, or a duration back from now ("90s", "1h30m"). The error wraps
// ErrStart.
func ParseStart(text string, now time.Time) (Start, error) {
	switch text {
	case "beginning", "":
		return FromBeginning(), nil
	case "new":
		return FromNew(), nil
	}
	if offset, err := strconv.ParseUint(text, 10, 64); err == nil {
		if offset == 0 {
			return Start{}, fmt.Errorf("%w: offsets begin with 1", ErrStart)
		}
		return FromOffset(geo.Offset(offset)), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return FromTime(t), nil
	}
	if back, err := time.ParseDuration(text); err == nil && back >= 0 {
		return FromTime(now.Add(-back)), nil
	}
	return Start{}, fmt.Errorf("%w: %q; write beginning, new, an offset (1234), a time (2026-03-01T12:00:00Z) or how far back (90s)", ErrStart, text)
}
