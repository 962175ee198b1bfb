package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"geomq/geo"
)

// Event is a record of a region's control log.
type Event struct {
	// Region decided it, and recorded it at Offset of its control log.
	Region geo.Region `json:"region"`
	Offset geo.Offset `json:"offset"`
	Time   time.Time  `json:"time"`
	// Node wrote it; empty where that does not matter.
	Node string `json:"node,omitempty"`
	// Kind says what it is about in two words, e.g. "log.epoch". Key is the record's: only the last record of
	// a key is kept for good.
	Kind string `json:"kind"`
	Key  string `json:"key"`
	// Log is the CommitLog that the record is about, empty where it is about none.
	Log string `json:"log,omitempty"`
	// Text is the record as a sentence, Data as it was written.
	Text string          `json:"text"`
	Data json.RawMessage `json:"data,omitempty"`
}

// EventCursor is a place in all control logs: for each region the last offset
// that was read. A region that it does not name is read from its beginning.
type EventCursor map[geo.Region]geo.Offset

// String writes c as "eu-west:3,us-east:17"; ParseEventCursor reads it.
func (c EventCursor) String() string {
	var parts []string
	for _, region := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, fmt.Sprintf("%s:%d", region, c[region]))
	}
	return strings.Join(parts, ",")
}

// ParseEventCursor reads what String wrote; "" is the beginning. The error wraps
// ErrBadRequest.
func ParseEventCursor(text string) (EventCursor, error) {
	c := EventCursor{}
	if text == "" {
		return c, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(part, ":")
		region, err := geo.ParseRegion(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no place in the events: %w", ErrBadRequest, text, err)
		}
		offset, err := strconv.ParseUint(number, 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no place in the events: one looks like us-east:17,eu-west:3", ErrBadRequest, text)
		}
		c[region] = geo.Offset(offset)
	}
	return c, nil
}

// EventQuery asks for events.
type EventQuery struct {
	// After is the Next of the page before; nil is the beginning.
	After EventCursor
	// Kinds, Log and Region leave out all other events; empty ones leave out none.
	// A kind may be its first word alone, a log its name without an origin.
	Kinds  []string
	Log    string
	Region geo.Region
	// Limit is how many are wanted: 1 to 1,000.
	Limit int
	// Wait is for how long to wait for the first event where there is none yet, at
	// most 20 s.
	Wait time.Duration
}

// wants tells whether e passes the filters.
func (q EventQuery) wants(e Event) bool {
	ofKind := func(kind string) bool { return e.Kind == kind || strings.HasPrefix(e.Kind, kind+".") }
	return (len(q.Kinds) == 0 || slices.ContainsFunc(q.Kinds, ofKind)) &&
		(q.Log == "" || e.Log == q.Log || strings.HasPrefix(e.Log, q.Log+"@")) &&
		(q.Region == "" || e.Region == q.Region)
}

// EventPage is a stretch of the events. Those of one region are in the order of
// their offsets, all of them by time as far as that allows.
type EventPage struct {
	Events []Event `json:"events"`
	// Next continues behind the last event that was looked at.
	Next EventCursor `json:"next"`
	// More tells that there is more to read at once.
	More bool `json:"more"`
}
