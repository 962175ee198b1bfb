package main

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"geomq/client/importer"
	"geomq/cmd/geomq/internal/table"
	"geomq/geo"
)

// importCounts is the JSON form of an import's result.
type importCounts struct {
	Stream       string                 `json:"stream"`
	Lines        int                    `json:"lines"`
	Published    int                    `json:"published"`
	AlreadyThere int                    `json:"already_there"`
	Blank        int                    `json:"blank"`
	Skipped      map[importer.Cause]int `json:"skipped"`
	Resent       int                    `json:"resent"`
	Recognised   int                    `json:"recognised"`
	Reordered    int                    `json:"reordered"`
	Bytes        int64                  `json:"bytes"`
	Elapsed      float64                `json:"elapsed_seconds"`
	FirstOffset  geo.Offset             `json:"first_offset"`
	LastOffset   geo.Offset             `json:"last_offset"`
	NextLine     int                    `json:"next_line"`
	// Error says why the import ended early.
	Error string `json:"error,omitempty"`
}

func importDocument(r *importer.Result, err error) importCounts {
	c := importCounts{
		Stream: r.Stream, Lines: r.Lines, Published: r.Published, AlreadyThere: r.AlreadyThere,
		Blank: r.Blank, Skipped: r.Skipped, Resent: r.Resent, Recognised: r.Recognised, Reordered: r.Reordered,
		Bytes: r.Bytes, Elapsed: r.Elapsed.Seconds(), FirstOffset: r.FirstOffset, LastOffset: r.LastOffset, NextLine: r.NextLine,
	}
	if c.Skipped == nil {
		c.Skipped = map[importer.Cause]int{}
	}
	if err != nil {
		c.Error = plain(err)
	}
	return c
}

// causes lists why lines were skipped, the most frequent first.
func causes(r *importer.Result) []string {
	order := slices.SortedFunc(maps.Keys(r.Skipped), func(x, y importer.Cause) int {
		return cmp.Or(cmp.Compare(r.Skipped[y], r.Skipped[x]), cmp.Compare(x, y))
	})
	var texts []string
	for _, cause := range order {
		texts = append(texts, thousands(r.Skipped[cause])+" "+string(cause))
	}
	return texts
}

func thousands(n int) string { return table.Count(uint64(max(n, 0))) }

func seconds(d time.Duration) string { return table.Duration(d) }
