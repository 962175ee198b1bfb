package main

import (
	"fmt"
	"strings"
	"time"

	"geomq/client/importer"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
)

const (
	// plainEvery is how often progress is told where no line can be redrawn.
	plainEvery = 5 * time.Second
	barLength  = 24
	// rateAfter is how long a phase must have run before its speed says when it
	// will end.
	rateAfter = time.Second
)

// importBar shows the progress of an import on stderr: a bar on a terminal, a
// line every few seconds elsewhere.
type importBar struct {
	a    *app
	live *term.Live
	told time.Time
	// phase and since say what the estimate is based on.
	phase importer.Phase
	since time.Time
}

func newImportBar(a *app) *importBar {
	b := &importBar{a: a, told: a.now()}
	if a.err.Terminal {
		b.live = term.NewLive(a.err)
	}
	return b
}

func (b *importBar) show(p importer.Progress) {
	now := b.a.now()
	if p.Phase != b.phase {
		b.phase, b.since = p.Phase, now
	}
	text := progressText(p, now.Sub(b.since), b.live != nil)
	switch {
	case b.live != nil:
		b.live.Show(text)
	case now.Sub(b.told) >= plainEvery:
		b.told = now
		b.a.notice("%s", text)
	}
}

// clear removes the bar.
func (b *importBar) clear() {
	if b.live != nil {
		b.live.Clear()
	}
}

// progressText is e.g. "publishing [######······] 52 %  12 MiB of 23 MiB
// 20,411 lines  9,310/s  ETA 1.2 s".
func progressText(p importer.Progress, elapsed time.Duration, withBar bool) string {
	parts := []string{string(p.Phase)}
	if p.Total > 0 && withBar {
		parts[0] += " " + bar(p.Done, p.Total)
	}
	if p.Total > 0 {
		parts = append(parts, fmt.Sprintf("%d %%", 100*min(p.Done, p.Total)/p.Total))
	}
	parts = append(parts, amount(p))
	if p.Phase == importer.Publishing {
		parts = append(parts, plural(p.Lines, "line"), thousands(int(p.Rate))+"/s")
	}
	switch left, ok := remaining(p, elapsed); {
	case p.Waiting > 0:
		parts = append(parts, waitingText(p))
	case ok:
		parts = append(parts, "ETA "+table.Duration(left))
	}
	return strings.Join(parts, "  ")
}

func waitingText(p importer.Progress) string {
	text := "no progress for " + table.Duration(p.Waiting)
	if p.Trouble != nil {
		text += ": " + term.Clean(p.Trouble.Error())
	}
	return text
}

func bar(done, total int64) string {
	full := int(barLength * min(done, total) / total)
	return "[" + strings.Repeat("#", full) + strings.Repeat("·", barLength-full) + "]"
}

// amount is how much is done, in the unit of the phase.
func amount(p importer.Progress) string {
	unit := func(n int64) string { return table.Bytes(uint64(max(n, 0))) }
	if p.Phase == importer.Searching {
		unit = func(n int64) string { return thousands(int(n)) }
	}
	if p.Total <= 0 {
		return unit(p.Done)
	}
	return unit(p.Done) + " of " + unit(p.Total)
}

// remaining is how long the phase will take at the speed it had so far.
func remaining(p importer.Progress, elapsed time.Duration) (time.Duration, bool) {
	if p.Total <= 0 || p.Done <= 0 || p.Done >= p.Total || elapsed < rateAfter {
		return 0, false
	}
	return time.Duration(float64(elapsed) * float64(p.Total-p.Done) / float64(p.Done)), true
}
