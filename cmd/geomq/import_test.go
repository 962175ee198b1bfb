package main

import (
	"errors"
	"testing"
	"time"

	"geomq/client/importer"
)

func TestProgressSaysWhereAnImportStands(t *testing.T) {
	for _, c := range []struct {
		p       importer.Progress
		elapsed time.Duration
		bar     bool
		want    string
	}{
		{importer.Progress{Phase: importer.Publishing, Done: 12 << 20, Total: 24 << 20, Lines: 20_411, Rate: 9_310.4}, 3 * time.Second, true,
			"publishing [############············]  50 %  12 MiB of 24 MiB  20,411 lines  9,310/s  ETA 3.0 s"},
		{importer.Progress{Phase: importer.Publishing, Done: 12 << 20, Total: 24 << 20, Lines: 1, Rate: 1}, 100 * time.Millisecond, false,
			"publishing  50 %  12 MiB of 24 MiB  1 line  1/s"},
		{importer.Progress{Phase: importer.Publishing, Done: 900, Lines: 9}, time.Minute, true,
			"publishing  900 B  9 lines  0/s"},
		{importer.Progress{Phase: importer.Searching, Done: 1_000, Total: 4_000}, 2 * time.Second, false,
			"searching  25 %  1,000 of 4,000  ETA 6.0 s"},
		{importer.Progress{Phase: importer.Publishing, Done: 1, Total: 2, Waiting: 4 * time.Second, Trouble: errors.New("no\x1b answer")}, time.Minute, false,
			"publishing  50 %  1 B of 2 B  0 lines  0/s  no progress for 4.0 s: no· answer"},
	} {
		if got := progressText(c.p, c.elapsed, c.bar); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestSummaryOfAnImport(t *testing.T) {
	r := importer.Result{
		Stream: "ORDERS@us-east", Lines: 39_250, Published: 39_240, AlreadyThere: 4, Blank: 1,
		Skipped: map[importer.Cause]int{importer.NotAnObject: 1, importer.NoKey: 4},
		Resent:  7, Recognised: 3, Elapsed: 2 * time.Second, FirstOffset: 5, LastOffset: 39_244,
	}
	want := []string{
		"39,250 lines in 2.0 s: 39,240 published into ORDERS@us-east (offsets 5 to 39,244), 4 already there, 1 blank, 5 skipped (4 no key, 1 not a JSON object)",
		"7 lines sent again after trouble, 3 of them recognised by the log",
	}
	got := importSummary(&r)
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}
