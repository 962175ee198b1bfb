package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"geomq/bench"
	"geomq/cmd/geomq/internal/table"
)

type benchFlags struct {
	bench.Config
	delay time.Duration
	json  bool
}

func newBench(a *app) *cobra.Command {
	group := &cobra.Command{
		Use:   "bench",
		Short: "Measure geomq on this machine",
		Long: `bench holds the commands that measure geomq on this machine. They start what
they need in their own process and take no running deployment.`,
		Example: "  geomq bench mirror",
	}
	asGroup(group)
	group.AddCommand(newBenchMirror(a))
	return group
}

func newBenchMirror(a *app) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "mirror",
		Short: "Compare catching up with JetStream's own mirror",
		Long: `mirror lets a fresh replica catch up with an origin that holds many events:
a geomq region over its link, and in turn a JetStream mirror over a leafnode
connection with s2. Everything runs in this process, on the same disk, through
the same proxies; first without delay, then with a round trip of --delay.

Each side has one round for warming up, and then --rounds that count. The ratio
is geomq's entries/s in terms of the mirror's: the median over pairs of rounds
that ran one after the other. Compare ratios, not rates: those move with all
that the machine does besides.`,
		Example: `  geomq bench mirror
  geomq bench mirror --input events.ndjson.gz --events 100000 --json
  geomq bench mirror --rounds 1 --profile /tmp`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runBenchMirror(cmd.Context(), &f)
		},
	}
	cmd.Flags().IntVar(&f.Events, "events", 200_000, "`N` events in the origin")
	cmd.Flags().StringVar(&f.Input, "input", "", "NDJSON `FILE` of events, gzip or not; repeated with variations if it is short (default: made up)")
	cmd.Flags().IntVar(&f.Rounds, "rounds", 5, "`N` rounds of each side")
	cmd.Flags().DurationVar(&f.delay, "delay", 80*time.Millisecond, "`ROUND_TRIP` of the second series; 0 leaves it out")
	cmd.Flags().StringVar(&f.Dir, "dir", "", "`DIR` for the stores while it runs (default: the system's for temporary files)")
	cmd.Flags().StringVar(&f.Profiles, "profile", "", "existing `DIR` for a CPU profile of every round")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the figures as one JSON object")
	return cmd
}

func (a *app) runBenchMirror(ctx context.Context, f *benchFlags) error {
	f.Delays = []time.Duration{0}
	if f.delay != 0 {
		f.Delays = append(f.Delays, f.delay)
	}
	f.Progress = func(line string) { a.notice("%s", line) }
	report, err := bench.Mirror(ctx, f.Config)
	if errors.Is(err, bench.ErrConfig) {
		return &usageError{err}
	}
	if err != nil {
		return err
	}
	if f.json {
		return a.printJSON(benchDocument(report))
	}
	return a.printLines(a.benchLines(report))
}

// benchLines is one table of all rounds and what follows from them.
func (a *app) benchLines(r *bench.Report) []string {
	t := table.New(
		table.Column{Title: "ROUND TRIP"}, table.Column{Title: "ROUND", Right: true}, table.Column{Title: "SIDE"},
		table.Column{Title: "TOOK", Right: true}, table.Column{Title: "ENTRIES/S", Right: true},
		table.Column{Title: "CPU", Right: true}, table.Column{Title: "WIRE B/ENTRY", Right: true},
	)
	var results []string
	for i := range r.Series {
		s := &r.Series[i]
		for _, round := range s.Rounds {
			number := fmt.Sprint(round.Number)
			if round.WarmUp() {
				number = "warm-up"
			}
			t.Row(table.Text(s.Delay.String()), table.Text(number), table.Text(round.Side), table.Text(table.Duration(round.Took)),
				table.Text(table.Count(uint64(round.PerSecond))),
				table.Text(table.Duration(round.Processor)), table.Text(fmt.Sprintf("%.1f", round.WirePerEntry)))
		}
		results = append(results, fmt.Sprintf("round trip %s: ratio %.2f; geomq %s; mirror %s",
			s.Delay, s.Ratio(), benchSide(s, bench.Geomq), benchSide(s, bench.Native)))
	}
	lines := append(t.Lines(a.out), "")
	lines = append(lines, results...)
	return append(lines, fmt.Sprintf("%s events of %.0f B on average; %s", thousands(r.Events), r.MeanBytes, machine()), "$ "+commandLine())
}

func benchSide(s *bench.Series, side string) string {
	return fmt.Sprintf("%s entries/s, %s of CPU, %.1f B on the wire each",
		table.Count(uint64(s.PerSecond(side))), table.Duration(s.Processor(side)), s.WirePerEntry(side))
}

// machine says what the figures were measured on.
func machine() string {
	return fmt.Sprintf("%s, %s/%s", plural(runtime.GOMAXPROCS(0), "core"), runtime.GOOS, runtime.GOARCH) + ", " + runtime.Version()
}

func commandLine() string { return strings.Join(append([]string{"geomq"}, os.Args[1:]...), " ") }

// benchRound is the JSON form of a round.
type benchRound struct {
	Side         string  `json:"side"`
	Round        int     `json:"round"`
	WarmUp       bool    `json:"warm_up"`
	Seconds      float64 `json:"seconds"`
	PerSecond    float64 `json:"entries_per_second"`
	Processor    float64 `json:"cpu_seconds"`
	WirePerEntry float64 `json:"wire_bytes_per_entry"`
}

// benchDocument has "ratio" for the series without delay and e.g. "ratio_80ms"
// for the other.
func benchDocument(r *bench.Report) map[string]any {
	doc := map[string]any{
		"bench": "mirror", "events": r.Events, "mean_bytes": rounded(r.MeanBytes, 1),
		"machine": map[string]any{"cores": runtime.GOMAXPROCS(0), "os": runtime.GOOS, "arch": runtime.GOARCH, "go": runtime.Version()},
		"command": commandLine(),
	}
	var series []map[string]any
	for i := range r.Series {
		s := &r.Series[i]
		if s.Delay == 0 {
			doc["ratio"] = rounded(s.Ratio(), 3)
			doc["wire_bytes_per_entry"] = rounded(s.WirePerEntry(bench.Geomq), 1)
			doc["native_wire_bytes_per_entry"] = rounded(s.WirePerEntry(bench.Native), 1)
		} else {
			doc["ratio_"+s.Delay.String()] = rounded(s.Ratio(), 3)
		}
		series = append(series, map[string]any{
			"delay_seconds": s.Delay.Seconds(), "ratio": rounded(s.Ratio(), 3), "rounds": benchRounds(s),
			"geomq_entries_per_second":  math.Round(s.PerSecond(bench.Geomq)),
			"native_entries_per_second": math.Round(s.PerSecond(bench.Native)),
			"geomq_cpu_seconds":         rounded(s.Processor(bench.Geomq).Seconds(), 3),
			"native_cpu_seconds":        rounded(s.Processor(bench.Native).Seconds(), 3),
		})
	}
	doc["series"] = series
	return doc
}

func benchRounds(s *bench.Series) []benchRound {
	var rounds []benchRound
	for _, r := range s.Rounds {
		rounds = append(rounds, benchRound{
			Side: r.Side, Round: r.Number, WarmUp: r.WarmUp(), Seconds: rounded(r.Took.Seconds(), 4),
			PerSecond: math.Round(r.PerSecond), Processor: rounded(r.Processor.Seconds(), 3), WirePerEntry: rounded(r.WirePerEntry, 1),
		})
	}
	return rounds
}

func rounded(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
