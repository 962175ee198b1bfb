//go:build slow

package geotest

import (
	"cmp"
	"context"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestSlowLab gives every mix of faults GEOMQ_LAB_SECONDS, 20 if that is not set.
func TestSlowLab(t *testing.T) {
	for _, m := range mixes {
		t.Run(m.name, func(t *testing.T) { m.run(t, seedOf(t), labTime(t)) })
	}
}

func labTime(t *testing.T) time.Duration {
	t.Helper()
	text := cmp.Or(os.Getenv("GEOMQ_LAB_SECONDS"), "20")
	seconds, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("GEOMQ_LAB_SECONDS: %v", err)
	}
	return time.Duration(seconds) * time.Second
}

// A link whose path was cut for ten seconds moves data within a second of the
// heal, whether the cut was told or not. The test leaves half a second for a busy
// machine.
func TestSlowLabLinksAreBackAfterTheHeal(t *testing.T) {
	const (
		cutFor = 10 * time.Second
		limit  = 1500 * time.Millisecond
	)
	for _, how := range []Cut{CutReset, CutBlackHole} {
		t.Run(string(how), func(t *testing.T) {
			r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
			load := StartWorkload(t, r, 200, seedOf(t))
			Await(t, healPatience, func(ctx context.Context) error {
				return load.Reached(ctx, map[string]uint64{"us-east": 100, "eu-west": 100})
			})
			r.Cut(t, "us-east", "eu-west", how)
			<-time.After(cutFor)
			next := map[string]uint64{} // what a link that moves data brings first
			for origin, replica := range map[string]string{"us-east": "eu-west", "eu-west": "us-east"} {
				stuck, err := load.end(t.Context(), replica, origin)
				if err != nil {
					t.Fatal(err)
				}
				next[origin] = stuck + 1
			}
			began := time.Now()
			r.Heal(t, "us-east", "eu-west")
			Await(t, healPatience, func(ctx context.Context) error { return load.Reached(ctx, next) })
			took := time.Since(began)
			t.Logf("after a %s of %s both links moved data %s after the heal", how, cutFor, took.Round(time.Millisecond))
			if took > limit {
				t.Errorf("the links moved data only %s after the heal; they should within 1s", took)
			}
			load.Finish(t, healPatience)
			ends, err := load.Ends(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			Await(t, healPatience, func(ctx context.Context) error { return load.Reached(ctx, ends) })
			if err := load.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
