package main

import (
	"encoding/json"
	"path/filepath"
	"testing"
)

func TestBenchMirrorPrintsFiguresOfBothSides(t *testing.T) {
	r := newCLI(nil).run(t.Context(), "bench", "mirror", "--events", "500", "--rounds", "1", "--delay", "0", "--dir", t.TempDir())
	if r.code != exitOK {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	contains(t, r.out, "ROUND TRIP", "warm-up", "geomq", "native", "round trip 0s: ratio ", "500 events of ", "core")
	contains(t, r.err, "warming up: geomq", "round 1 of 1: native")
}

func TestBenchMirrorAsJSONHasTheRatios(t *testing.T) {
	r := newCLI(nil).run(t.Context(), "bench", "mirror", "--events", "500", "--rounds", "1", "--delay", "10ms", "--dir", t.TempDir(), "--json")
	if r.code != exitOK {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	var doc struct {
		Ratio   float64 `json:"ratio"`
		Delayed float64 `json:"ratio_10ms"`
		Wire    float64 `json:"wire_bytes_per_entry"`
		Native  float64 `json:"native_wire_bytes_per_entry"`
		Machine struct{ Cores int }
		Series  []struct {
			Rounds []struct {
				Side string
				Warm bool `json:"warm_up"`
			}
		}
	}
	if err := json.Unmarshal([]byte(r.out), &doc); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	if doc.Ratio <= 0 || doc.Delayed <= 0 || doc.Wire <= 0 || doc.Native <= 0 || doc.Machine.Cores < 1 || len(doc.Series) != 2 || len(doc.Series[1].Rounds) != 4 {
		t.Errorf("%+v", doc)
	}
}

func TestBenchMirrorRefusesWhatMeasuresNothing(t *testing.T) {
	for flag, message := range map[string]string{
		"--events=0": "Events is 0", "--rounds=0": "Rounds is 0", "--delay=-1s": "a round trip of -1s",
	} {
		r := newCLI(nil).run(t.Context(), "bench", "mirror", flag)
		if r.code != exitUsage {
			t.Errorf("%s: exit code %d", flag, r.code)
		}
		contains(t, r.err, message, "Usage:\n  geomq")
	}
	missing := filepath.Join(t.TempDir(), "missing.ndjson")
	if r := newCLI(nil).run(t.Context(), "bench", "mirror", "--input", missing); r.code != exitFailed {
		t.Errorf("a file that is not there: exit code %d", r.code)
	}
}
