package bench

import (
	"slices"
	"time"
)

// The two sides.
const (
	Geomq  = "geomq"
	Native = "native"
)

// Report is what Mirror has measured.
type Report struct {
	Events int
	// MeanBytes is the mean length of an event's body.
	MeanBytes float64
	// Series are in the order of Config.Delays.
	Series []Series
}

// Series is all rounds at one round trip, in the order in which they ran.
type Series struct {
	Delay  time.Duration
	Rounds []Round
}

// Round is one replica's catching up.
type Round struct {
	Side string
	// Number counts the pairs of rounds, of which 0 is for warming up.
	Number int
	Took   time.Duration
	// PerSecond is in entries.
	PerSecond float64
	// Processor is what the whole process used from the replica's start on.
	Processor time.Duration
	// WireBytes is what went over the connection, both directions together.
	WireBytes uint64
	// WirePerEntry is in bytes.
	WirePerEntry float64
}

// WarmUp tells whether the round doesn't count.
func (r *Round) WarmUp() bool { return r.Number == 0 }

// Ratio is the median of geomq's entries per second in terms of native's, over
// pairs of rounds next to each other.
func (s *Series) Ratio() float64 {
	var ratios []float64
	for i := range s.Rounds {
		for j := range s.Rounds {
			a, b := &s.Rounds[i], &s.Rounds[j]
			if a.Side == Geomq && b.Side == Native && a.Number == b.Number && !a.WarmUp() {
				ratios = append(ratios, a.PerSecond/b.PerSecond)
			}
		}
	}
	return median(ratios)
}

// PerSecond is the median of a side's entries per second.
func (s *Series) PerSecond(side string) float64 {
	return median(s.each(side, func(r *Round) float64 { return r.PerSecond }))
}

// Processor is the median of a side's processor time.
func (s *Series) Processor(side string) time.Duration {
	return time.Duration(median(s.each(side, func(r *Round) float64 { return float64(r.Processor) })))
}

// WirePerEntry is the median of a side's bytes on the wire for each entry.
func (s *Series) WirePerEntry(side string) float64 {
	return median(s.each(side, func(r *Round) float64 { return r.WirePerEntry }))
}

func (s *Series) each(side string, value func(*Round) float64) []float64 {
	var values []float64
	for i := range s.Rounds {
		if r := &s.Rounds[i]; r.Side == side && !r.WarmUp() {
			values = append(values, value(r))
		}
	}
	return values
}

// median is 0 for no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
