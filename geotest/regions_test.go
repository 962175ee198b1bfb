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

// An origin that lost its disk writes other entries at offsets that its replicas
// hold. Their links halt and say so; nobody's entries are overwritten.
func TestLinksHaltOnAnOriginThatLostItsLog(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
	publish(t, r, "us-east", 1000)
	h := NewHistory()
	hold := func(ctx context.Context) error {
		holding, err := h.Hold(ctx, r.All()[1], stream("us-east"))
		if err == nil && len(holding.Entries) != 1000 {
			err = fmt.Errorf("eu-west holds %d entries, not 1000", len(holding.Entries))
		}
		if err == nil {
			err = h.Check([]Holding{holding}, nil)
		}
		return err
	}
	Await(t, 20*time.Second, hold)

	r.Kill(t, "us-east")
	r.Wipe(t, "us-east")
	r.Restart(t, "us-east")
	halted(t, r, "ahead")
	publish(t, r, "us-east", 1500) // beyond what the replica holds
	halted(t, r, "conflict")
	Await(t, 20*time.Second, hold)
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

// halted waits until eu-west's link to us-east has halted with that cause.
func halted(t *testing.T, r *Regions, cause string) {
	t.Helper()
	Await(t, 30*time.Second, func(ctx context.Context) error {
		out, code := Run(t, "link", "ls", "--json", "--admin", r.site(t, "eu-west").Admin)
		if code != 0 && out == "" {
			return fmt.Errorf("link ls exits with %d", code)
		}
		if !strings.Contains(out, `"halted"`) || !strings.Contains(out, `"`+cause+`"`) {
			return fmt.Errorf("no link halted because of %q:\n%s", cause, out)
		}
		return nil
	})
}
