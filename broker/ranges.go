package broker

import (
	"fmt"
	"strconv"
	"strings"

	"geomq/geo"
)

// Sets of offsets stand in a stream's metadata as "5-9,12-12".

func formatRanges(set geo.Ranges) string {
	parts := make([]string, len(set))
	for i, r := range set {
		parts[i] = fmt.Sprintf("%d-%d", r.First, r.Last)
	}
	return strings.Join(parts, ",")
}

// parseRanges reads what formatRanges wrote; the error wraps ErrMetadata.
func parseRanges(text string) (geo.Ranges, error) {
	var set geo.Ranges
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		first, last, _ := strings.Cut(part, "-")
		from, err := strconv.ParseUint(first, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is not first-last", ErrMetadata, part)
		}
		to, err := strconv.ParseUint(last, 10, 64)
		r := geo.Range{First: geo.Offset(from), Last: geo.Offset(to)}
		if err != nil || from == 0 || r.Len() == 0 || to == 1<<64-1 {
			return nil, fmt.Errorf("%w: %q is not first-last", ErrMetadata, part)
		}
		if n := len(set); n > 0 && set[n-1].Last >= r.First {
			return nil, fmt.Errorf("%w: %q comes behind a later one", ErrMetadata, part)
		}
		set = set.Add(r)
	}
	return set, nil
}
