package geotest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// An origin's machine loses power while its replica has everything. When it is
// back, its own log is shorter than the replica, and a producer publishes the
// moment it can. The tail has to come back from the replica first: else offsets
// that the replica has shown would get other entries.
func TestAReplicaAheadOfItsRestartedOrigin(t *testing.T) {
	seed := seedOf(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}, PowerCuts: true})
	load := StartWorkload(t, r, 1000, seed, "us-east")
	reached(t, load, "eu-west", "us-east", 6000) // longer than a power cut reaches back
	since := r.PowerCut(t, rng, "us-east")
	left := r.Autopsy(t, "us-east", load.Histories)["us-east"]
	ahead, err := load.end(t.Context(), "eu-west", "us-east")
	if err != nil {
		t.Fatal(err)
	}
	if end := lastOf(left); end >= ahead {
		t.Skipf("this time the disk had all %d entries; another seed takes some", end)
	}
	t.Logf("us-east has %d entries left, eu-west %d", lastOf(left), ahead)
	load.Harmed("us-east", since)
	r.Restart(t, "us-east")
	reached(t, load, "eu-west", "us-east", ahead+500) // the producer goes on
	settled(t, r, load)
}

// The same with an image of the disk that was taken a while before: nothing tells
// but the files themselves, and nobody lost power.
func TestAnOldImageOfAnOriginIsPutBack(t *testing.T) {
	r := StartRegions(t, Options{})
	load := StartWorkload(t, r, 400, seedOf(t))
	reached(t, load, "eu-west", "us-east", 500)
	image := r.Image(t, "us-east")
	reached(t, load, "eu-west", "us-east", 1500)
	reached(t, load, "ap-south", "us-east", 1500)
	r.Kill(t, "us-east")
	r.PutBack(t, "us-east", image)
	load.Harmed("us-east", image.Taken)
	r.Restart(t, "us-east")
	reached(t, load, "ap-south", "us-east", 2000)
	settled(t, r, load)
}

// An origin without its disk gets its log back from its replicas and goes on.
func TestAWipedOrigin(t *testing.T) {
	r := StartRegions(t, Options{})
	load := StartWorkload(t, r, 400, seedOf(t))
	reached(t, load, "eu-west", "us-east", 1000)
	r.Kill(t, "us-east")
	r.Wipe(t, "us-east")
	load.Harmed("us-east", time.Time{})
	r.Restart(t, "us-east")
	reached(t, load, "ap-south", "us-east", 1500)
	settled(t, r, load)
}

// All machines lose power. What is left on any disk must not be lost, and what was
// acknowledged and is on none is counted; its offsets stay unused.
func TestPowerCutOfAllMachines(t *testing.T) {
	powerCutOfAllMachines(t, seedOf(t))
}

func powerCutOfAllMachines(t *testing.T, seed uint64) {
	r := StartRegions(t, Options{PowerCuts: true})
	load := StartWorkload(t, r, 400, seed)
	reached(t, load, "ap-south", "us-east", 1500)
	names := []string{"us-east", "eu-west", "ap-south"}
	r.PowerCut(t, rand.New(rand.NewPCG(seed, 0)), names...)
	for _, name := range names {
		load.Found(name, r.Autopsy(t, name, load.Histories))
	}
	for _, name := range names {
		r.Launch(t, name)
	}
	for _, name := range names {
		r.site(t, name).awaitReady(t)
	}
	settled(t, r, load)
}

// An origin loses power while a third of its regions can't be reached: the log
// opens without it in the end, at offsets beyond all that it can have. What it had
// alone goes to its ledger when it is back.
func TestAnOriginOpensWithoutARegionThatIsAhead(t *testing.T) {
	seed := seedOf(t)
	r := StartRegions(t, Options{PowerCuts: true})
	load := StartWorkload(t, r, 400, seed, "us-east")
	reached(t, load, "ap-south", "us-east", 1000)
	image := r.Image(t, "us-east")
	reached(t, load, "eu-west", "us-east", 1500)
	r.Cut(t, "us-east", "eu-west", CutReset) // eu-west has less than ap-south from here on
	r.Cut(t, "ap-south", "eu-west", CutReset)
	reached(t, load, "ap-south", "us-east", 2500)
	r.Kill(t, "us-east")
	r.Kill(t, "ap-south") // ahead, and silent
	r.Heal(t, "us-east", "eu-west")
	r.Heal(t, "ap-south", "eu-west")
	r.PutBack(t, "us-east", image)
	load.Harmed("us-east", image.Taken)
	r.Restart(t, "us-east")
	reached(t, load, "eu-west", "us-east", 12_500) // beyond the margin
	r.Restart(t, "ap-south")
	account := settled(t, r, load)
	if account.Ledger == 0 {
		t.Error("what only ap-south had is in no ledger")
	}
}

// reached waits until origin's log in region ends at offset or later.
func reached(t *testing.T, load *Workload, region, origin string, offset uint64) {
	t.Helper()
	Await(t, time.Minute, func(ctx context.Context) error {
		end, err := load.end(ctx, region, origin)
		if err == nil && end < offset {
			err = fmt.Errorf("%s in %s ends at %d and not at %d yet", stream(origin), region, end, offset)
		}
		return err
	})
}

func lastOf(h Holding) uint64 {
	if len(h.Entries) == 0 {
		return 0
	}
	return h.Entries[len(h.Entries)-1].Offset
}
