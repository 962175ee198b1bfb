//go:build slow

package geotest

import (
	"testing"
	"time"
)

// A whole region stands still for 20 seconds and goes on as if nothing had been:
// first as a source, in the middle of its sessions, then as a sink.
func TestSlowZombie(t *testing.T) {
	r := StartRegions(t, Options{CutGossip: true})
	load := StartWorkload(t, r, 400, seedOf(t))
	for _, zombie := range []string{"us-east", "eu-west"} {
		reached(t, load, "ap-south", zombie, 500)
		r.Stop(t, zombie)
		after(t, 20*time.Second)
		r.Continue(t, zombie)
		end, err := load.end(t.Context(), "ap-south", "us-east")
		if err != nil {
			t.Fatal(err)
		}
		reached(t, load, "eu-west", "us-east", end+200)
	}
	settled(t, r, load)
}
