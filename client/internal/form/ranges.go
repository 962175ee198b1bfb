package form

import (
	"fmt"
	"strconv"
	"strings"

	"geomq/geo"
)

// parseRanges reads a set of offsets as it stands in metadata, "5-9,12-12"; the
// error wraps ErrMetadata.
func parseRanges(text string) (geo.Ranges, error) {
	var set geo.Ranges
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, _ := strings.Cut(part, "-")
		from, bad := strconv.ParseUint(first, 10, 64)
		to, worse := strconv.ParseUint(last, 10, 64)
		if bad != nil || worse != nil || from == 0 || to < from || to == 1<<64-1 {
			return nil, fmt.Errorf("%w: %q is not first-last", ErrMetadata, part)
		}
		set = set.Add(geo.Range{First: geo.Offset(from), Last: geo.Offset(to)})
	}
	return set, nil
}
