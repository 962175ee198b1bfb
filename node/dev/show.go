package dev

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"geomq/admin"
	"geomq/node"
)

// greet prints where everything is and what to try.
func (o *Options) greet(a Addresses, took time.Duration) {
	w := tabwriter.NewWriter(o.Out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "\nREGION\tNATS\tADMIN\n")
	for _, r := range a.Regions {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Name, r.NATS, r.Admin)
	}
	w.Flush()
	first, last := a.Regions[0], a.Regions[len(a.Regions)-1]
	at := " --admin " + first.Admin
	fmt.Fprintf(o.Out, `
up after %.1[5]f s. Try, in another terminal:
  %[1]s sub ORDERS --region %[2]s%[4]s
  %[1]s pub orders.created.42 '{"total": 12}' --region %[3]s%[4]s
  %[1]s verify%[4]s
Ctrl-C ends it; the data stays.

`, program(), last.Name, first.Name, at, took.Seconds())
}

// program is how this one was called: "go run" leaves no trace but the folder it
// builds in.
func program() string {
	if strings.Contains(os.Args[0], string(filepath.Separator)+"go-build") {
		return "go run ./cmd/geomq"
	}
	return os.Args[0]
}

// watch shows a line per link until ctx ends: redrawn in place on a terminal,
// else printed when something has changed.
func (o *Options) watch(ctx context.Context, nodes []*node.Node) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	b := board{options: o, entries: map[string]uint64{}, shown: map[string]string{}}
	for {
		var links []admin.Link
		for _, n := range nodes {
			links = append(links, n.Links()...)
		}
		b.show(links)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// board remembers what has been shown.
type board struct {
	options *Options
	entries map[string]uint64 // by link, a second ago
	shown   map[string]string
	height  int
}

func (b *board) show(links []admin.Link) {
	var lines []string
	for _, l := range links {
		name := fmt.Sprintf("%s@%s → %s", l.Log, l.Origin, l.To)
		rate := l.Entries - min(b.entries[name], l.Entries)
		b.entries[name] = l.Entries
		line := fmt.Sprintf("%-28s %-10s at %-10d lag %-8s %6d/s", name, l.State, l.Applied, lag(l), rate)
		if b.options.Terminal {
			lines = append(lines, "\x1b[2K"+line)
			continue
		}
		if gist := fmt.Sprint(l.State, l.Reason); b.shown[name] != gist {
			b.shown[name] = gist
			lines = append(lines, strings.TrimSpace(line+" "+l.Reason))
		}
	}
	if len(lines) == 0 {
		return
	}
	if b.height > 0 && b.options.Terminal {
		fmt.Fprintf(b.options.Out, "\x1b[%dA", b.height)
	}
	b.height = len(lines)
	fmt.Fprintln(b.options.Out, strings.Join(lines, "\n"))
}

func lag(l admin.Link) string {
	if l.LagEntries == nil {
		return "unknown"
	}
	return fmt.Sprint(*l.LagEntries)
}
