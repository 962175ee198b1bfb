package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestBothSidesCatchUpWithEverything(t *testing.T) {
	if testing.Short() {
		t.Skip("what is measured under a race detector says nothing")
	}
	const n, rounds = 3000, 1
	dir, profiles := t.TempDir(), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var lines int
	report, err := Mirror(ctx, Config{
		Events: n, Rounds: rounds, Delays: []time.Duration{0, 20 * time.Millisecond}, Dir: dir, Profiles: profiles,
		Progress: func(line string) { t.Log(line); lines++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Events != n || report.MeanBytes < 100 || len(report.Series) != 2 || lines < 8 {
		t.Fatalf("%d lines and %+v", lines, report)
	}
	for _, s := range report.Series {
		if len(s.Rounds) != 2*(rounds+1) || s.Ratio() <= 0 {
			t.Errorf("at %s: ratio %f of %+v", s.Delay, s.Ratio(), s.Rounds)
		}
		for _, r := range s.Rounds {
			if r.Took < 2*s.Delay || r.WirePerEntry < 10 || r.WirePerEntry > report.MeanBytes+200 {
				t.Errorf("at %s: %+v", s.Delay, r)
			}
		}
		if first, second := s.Rounds[0].Side, s.Rounds[2].Side; first == second {
			t.Errorf("%s begins twice", first)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if found, _ := filepath.Glob(filepath.Join(profiles, "*.pprof")); len(found) != 8 {
		t.Errorf("profiles: %v", found)
	}
}

func TestAMeasurementEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := Mirror(ctx, Config{
		Events: 100, Rounds: 1000, Delays: []time.Duration{0}, Dir: dir,
		Progress: func(string) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWhatCanNotBeMeasuredIsRefused(t *testing.T) {
	good := Config{Events: 1, Rounds: 1, Delays: []time.Duration{0}}
	for name, spoil := range map[string]func(*Config){
		"no events": func(c *Config) { c.Events = 0 },
		"no rounds": func(c *Config) { c.Rounds = 0 },
		"no delays": func(c *Config) { c.Delays = nil },
		"no time":   func(c *Config) { c.Delays = []time.Duration{-1} },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := Mirror(t.Context(), cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := good
	cfg.Input = filepath.Join(t.TempDir(), "missing")
	if _, err := Mirror(t.Context(), cfg); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestARatioIsTheMedianOfPairs(t *testing.T) {
	s := Series{Rounds: []Round{
		{Side: Geomq, Number: 0, PerSecond: 900}, {Side: Native, Number: 0, PerSecond: 1}, // warming up
		{Side: Native, Number: 1, PerSecond: 100}, {Side: Geomq, Number: 1, PerSecond: 150},
		{Side: Geomq, Number: 2, PerSecond: 20}, {Side: Native, Number: 2, PerSecond: 10}, // a slow moment for both
		{Side: Native, Number: 3, PerSecond: 100}, {Side: Geomq, Number: 3, PerSecond: 300},
	}}
	if got := s.Ratio(); got != 2 {
		t.Errorf("ratio %f of pairs with 1.5, 2 and 3", got)
	}
	if got := s.PerSecond(Geomq); got != 150 {
		t.Errorf("median of 20, 150 and 300 is %f", got)
	}
	if got := median([]float64{4, 1}); got != 2.5 {
		t.Errorf("median of 1 and 4 is %f", got)
	}
}
