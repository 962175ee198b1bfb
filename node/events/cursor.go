package events

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"geomq/geo"
)

// ErrCursor goes to callers whose cursor is none; they begin again without one.
var ErrCursor = errors.New("not a cursor of events")

// Cursor is the offset up to which each region's control log has been read.
type Cursor map[geo.Region]geo.Offset

// String writes c as "eu-west:12,us-east:40".
func (c Cursor) String() string {
	var parts []string
	for _, region := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, fmt.Sprintf("%s:%d", region, c[region]))
	}
	return strings.Join(parts, ",")
}

// ParseCursor reads what String wrote; the empty text is the beginning. The error
// wraps ErrCursor.
func ParseCursor(text string) (Cursor, error) {
	c := Cursor{}
	if text == "" {
		return c, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(part, ":")
		region, err := geo.ParseRegion(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %q: %w", ErrCursor, part, err)
		}
		offset, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %q has no offset", ErrCursor, part)
		}
		c[region] = geo.Offset(offset)
	}
	return c, nil
}
