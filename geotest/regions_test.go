package geotest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A region that published nothing loses nothing of its own with its disk: it pulls
// the others' logs again, at the same offsets.
func TestAWipedReplicaFillsUpAgain(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
	publish(t, r, "us-east", 3000)
	h := NewHistory()
	whole := func(region Region) func(context.Context) error {
		return func(ctx context.Context) error {
			holding, err := h.Hold(ctx, region, stream("us-east"))
			if err == nil && len(holding.Entries) != 3000 {
				err = fmt.Errorf("%s holds %d of 3000", region.Name, len(holding.Entries))
			}
			if err == nil {
				err = h.Check([]Holding{holding}, nil)
			}
			return err
		}
	}
	for _, region := range r.All() {
		Await(t, 20*time.Second, whole(region))
	}
	r.Kill(t, "eu-west")
	r.Wipe(t, "eu-west")
	r.Restart(t, "eu-west")
	Await(t, 20*time.Second, whole(r.All()[1]))
	verified(t, r)
}

// Regions that can't gossip with each other lose sight of each other, and find
// each other again.
func TestGossipIsCutBetweenTwoRegions(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}, CutGossip: true})
	sees := func(n int) func(context.Context) error {
		return func(context.Context) error {
			for _, region := range r.All() {
				out, code := Run(t, "region", "ls", "--json", "--admin", region.Admin)
				if alive := strings.Count(out, `"boot"`); code != 0 || alive != n {
					return fmt.Errorf("%s sees %d nodes: exit code %d\n%s", region.Name, alive, code, out)
				}
			}
			return nil
		}
	}
	Await(t, 20*time.Second, sees(2))
	r.Cut(t, "us-east", "eu-west", CutBlackHole)
	Await(t, 30*time.Second, sees(1))
	r.Heal(t, "us-east", "eu-west")
	Await(t, 30*time.Second, sees(2))
}

func publish(t *testing.T, r *Regions, region string, n int) {
	t.Helper()
	out, code := Run(t, "pub", "orders.created.1", "x", "--count", fmt.Sprint(n), "--admin", r.site(t, region).Admin, "--region", region)
	if code != 0 {
		t.Fatalf("pub: %d\n%s", code, out)
	}
}

func verified(t *testing.T, r *Regions) {
	t.Helper()
	Await(t, 30*time.Second, func(context.Context) error {
		out, code := Run(t, "verify", "--admin", r.All()[0].Admin)
		if code != 0 {
			return fmt.Errorf("geomq verify exits with %d:\n%s", code, out)
		}
		return nil
	})
}
