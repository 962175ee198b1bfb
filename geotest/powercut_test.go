package geotest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

// A replica's machine loses power: its replica comes back shorter, or with files
// from another moment, and is filled again. TestSlowPowerCutOfAReplica does so for
// many seeds.
func TestPowerCutOfAReplica(t *testing.T) { powerCutsOfAReplica(t, 2) }

func powerCutsOfAReplica(t *testing.T, cuts int) {
	seed := seedOf(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}, PowerCuts: true})
	load := StartWorkload(t, r, 400, seed, "us-east")
	for range cuts {
		after(t, time.Second+time.Duration(rng.Int64N(int64(2*time.Second))))
		load.Harmed("eu-west", r.PowerCut(t, rng, "eu-west"))
		r.Restart(t, "eu-west")
	}
	settled(t, r, load)
}

// after lets the load run for a while.
func after(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// settled ends the load, waits until all replicas have what their origins have,
// and judges. It returns what became of what was acknowledged.
func settled(t *testing.T, r *Regions, load *Workload) Account {
	t.Helper()
	t.Cleanup(func() { r.tell(t) })
	load.Finish(t, healPatience)
	var ends map[string]uint64
	Await(t, healPatience, func(ctx context.Context) (err error) {
		if ends, err = load.Ends(ctx); err == nil {
			err = load.Reached(ctx, ends)
		}
		return err
	})
	verified(t, r)
	load.Excuse(t, r)
	account, err := load.Judge(t.Context(), r.ledgers(t))
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d acknowledged, of which %d are in a ledger and %d nowhere", account.Acked, account.Ledger, account.Nowhere.Len())
	return account
}
