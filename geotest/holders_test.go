package geotest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"geomq/admin"
)

// relayWithin is how soon data flow through another region after a cut. The test
// leaves a busy machine half a second more.
const relayWithin = 5*time.Second + 500*time.Millisecond

// The path between us-east and ap-south is cut; eu-west reaches both. ap-south goes
// on receiving us-east's log from there, and returns to the origin after the heal.
func TestARelayStandsInForACutPath(t *testing.T) {
	for _, how := range []Cut{CutReset, CutBlackHole} {
		t.Run(string(how), func(t *testing.T) {
			r := StartRegions(t, Options{CutGossip: true})
			load := StartWorkload(t, r, 200, seedOf(t))
			reached(t, load, "ap-south", "us-east", 200)
			began := time.Now()
			r.Cut(t, "us-east", "ap-south", how)
			ends, err := load.Ends(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for sink, origin := range map[string]string{"ap-south": "us-east", "us-east": "ap-south"} {
				reached(t, load, sink, origin, ends[origin]+1) // published after the cut
				took := time.Since(began)
				t.Logf("%s received %s's log through eu-west %s after the cut", sink, origin, took.Round(time.Millisecond))
				if took > relayWithin {
					t.Errorf("%s received nothing of %s's log for %s after the cut; it should within 5s", sink, origin, took)
				}
				r.AwaitLink(t, 5*time.Second, sink, origin, "from eu-west", func(l admin.Link) bool { return l.From == "eu-west" })
			}
			r.Heal(t, "us-east", "ap-south")
			for sink, origin := range map[string]string{"ap-south": "us-east", "us-east": "ap-south"} {
				r.AwaitLink(t, 15*time.Second, sink, origin, "streaming from the origin", func(l admin.Link) bool {
					return string(l.From) == origin && l.State == admin.LinkStreaming
				})
			}
			settled(t, r, load)
		})
	}
}

// An origin is dead, and its replicas differ: whichever is ahead, they end up equal
// without it.
func TestReplicasOfADeadOriginBecomeEqual(t *testing.T) {
	for _, behind := range []string{"eu-west", "ap-south"} {
		t.Run(behind+" is behind", func(t *testing.T) {
			ahead := map[string]string{"eu-west": "ap-south", "ap-south": "eu-west"}[behind]
			r := StartRegions(t, Options{})
			load := StartWorkload(t, r, 400, seedOf(t), "us-east")
			reached(t, load, behind, "us-east", 500)
			r.Cut(t, "us-east", behind, CutReset)
			r.Cut(t, ahead, behind, CutReset)
			reached(t, load, ahead, "us-east", 1500)
			r.Kill(t, "us-east")
			end := standsStill(t, load, ahead, "us-east")
			r.Heal(t, "us-east", behind)
			r.Heal(t, ahead, behind)
			reached(t, load, behind, "us-east", end)
			r.Restart(t, "us-east")
			settled(t, r, load)
		})
	}
}

// standsStill waits until nothing comes into region's replica any more, and
// returns its end.
func standsStill(t *testing.T, load *Workload, region, origin string) uint64 {
	t.Helper()
	var last uint64
	var since time.Time
	Await(t, time.Minute, func(ctx context.Context) error {
		end, err := load.end(ctx, region, origin)
		if err != nil {
			return err
		}
		if end != last || since.IsZero() {
			last, since = end, time.Now()
		}
		if time.Since(since) < time.Second {
			return fmt.Errorf("%s in %s has just come to %d", stream(origin), region, end)
		}
		return nil
	})
	return last
}
