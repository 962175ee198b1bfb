package geotest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"geomq/geo"
)

// writtenOff matches the event by which an origin tells that entries in the middle of
// its log are lost everywhere.
var writtenOff = regexp.MustCompile(`acknowledged entries of ` + Log + `@(\S+), offsets ([0-9…, ]+), are nowhere`)

// Excuse takes note of the offsets that origins have written off, as `geomq events`
// tells them: Judge takes them for holes, and counts what was acknowledged there.
func (w *Workload) Excuse(t testing.TB, r *Regions) {
	t.Helper()
	for _, s := range r.sites {
		out, _ := Run(t, "events", "--kind", "log.deleted", "--admin", s.Admin)
		for origin, ranges := range offsetsWrittenOff(out) {
			for _, lost := range ranges {
				w.lost[origin] = w.lost[origin].Add(lost)
			}
		}
	}
}

func offsetsWrittenOff(events string) map[string]geo.Ranges {
	found := map[string]geo.Ranges{}
	for _, told := range writtenOff.FindAllStringSubmatch(events, -1) {
		for stretch := range strings.SplitSeq(told[2], ", ") {
			var r geo.Range
			if n, _ := fmt.Sscanf(stretch, "%d…%d", &r.First, &r.Last); n == 1 {
				r.Last = r.First
			}
			found[told[1]] = found[told[1]].Add(r)
		}
	}
	return found
}
