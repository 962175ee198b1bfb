package geotest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"geomq/admin"
)

// An origin loses its disk while its only replica is down, and begins anew at
// offset 1: nobody can tell it otherwise. When the replica is back, its link halts
// and says why, and no entry of either side is lost: one command makes the replica
// anew, and what only it had is in its ledger then.
func TestAnOriginThatBeganAnewAndItsReplica(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
	publish(t, r, "us-east", 1000)
	old := NewHistory()
	holds(t, r, old, "eu-west", 1000)

	r.Kill(t, "eu-west")
	r.Kill(t, "us-east")
	r.Wipe(t, "us-east")
	r.Restart(t, "us-east")
	publish(t, r, "us-east", 1500)
	r.Restart(t, "eu-west")
	r.AwaitLink(t, 30*time.Second, "eu-west", "us-east", "halted", func(l admin.Link) bool {
		return l.State == admin.LinkHalted && l.Cause == "epochs"
	})
	holds(t, r, old, "eu-west", 1000)

	steps := order(t, r, "log", "repair", stream("us-east"), "--region", "eu-west", "--dry-run")
	if !strings.Contains(steps, "ledger") {
		t.Errorf("the steps don't mention the ledger:\n%s", steps)
	}
	holds(t, r, old, "eu-west", 1000)
	order(t, r, "log", "repair", stream("us-east"), "--region", "eu-west")
	holds(t, r, NewHistory(), "eu-west", 1500)
	records, err := r.ledger(t, "eu-west")
	if err != nil || len(records) != 1000 {
		t.Errorf("the ledger of eu-west holds %d entries, not 1000: %v", len(records), err)
	}
	verified(t, r)
}

// holds waits until region holds n entries of us-east's log that h has nothing
// against.
func holds(t *testing.T, r *Regions, h *History, region string, n int) {
	t.Helper()
	Await(t, 30*time.Second, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		holding, err := h.Hold(ctx, r.site(t, region).Region, stream("us-east"))
		if err == nil && len(holding.Entries) != n {
			err = fmt.Errorf("%s holds %d entries, not %d", region, len(holding.Entries), n)
		}
		if err == nil {
			err = h.Check([]Holding{holding}, nil)
		}
		return err
	})
}

// order gives a command that changes something, and answers its question by yes.
func order(t *testing.T, r *Regions, command ...string) string {
	t.Helper()
	out, code := Run(t, append(command, "--yes", "--admin", r.All()[0].Admin)...)
	if code != 0 {
		t.Fatalf("geomq %s exits with %d:\n%s", strings.Join(command, " "), code, out)
	}
	return out
}
