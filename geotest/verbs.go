package geotest

import (
	"testing"
	"time"
)

// Kill ends a region's process the hard way (SIGKILL).
func (r *Regions) Kill(t testing.TB, region string) {
	t.Helper()
	s := r.site(t, region)
	s.up = false
	s.process.Kill()
}

// Launch starts a region again after Kill, and returns at once.
func (r *Regions) Launch(t testing.TB, region string) {
	t.Helper()
	s := r.site(t, region)
	if !s.ended() {
		t.Fatalf("%s is still running: kill it first", region)
	}
	r.launch(t, s)
}

// Restart starts a region again after Kill, and returns when it answers.
func (r *Regions) Restart(t testing.TB, region string) {
	t.Helper()
	r.Launch(t, region)
	r.site(t, region).awaitReady(t)
}

// Stop halts a region where it stands (SIGSTOP); its connections stay open.
func (r *Regions) Stop(t testing.TB, region string) {
	t.Helper()
	r.site(t, region).process.Pause()
}

// Continue lets a stopped region go on.
func (r *Regions) Continue(t testing.TB, region string) {
	t.Helper()
	r.site(t, region).process.Resume()
}

// Cut breaks the path between a and b. CutOneWay swallows what flows from a to b;
// CutHalfOpen lets a forget the connections between them, and is over at once.
// Datagrams of gossip are lost, whatever the cut, except by CutHalfOpen, which
// doesn't touch gossip.
func (r *Regions) Cut(t testing.TB, a, b string, how Cut) {
	t.Helper()
	aPulls, bPulls := r.path(t, a, b), r.path(t, b, a)
	switch how {
	case CutReset:
		aPulls.Reset()
		bPulls.Reset()
		r.cutGossip(t, b, a, how)
	case CutBlackHole:
		aPulls.lose(upward, downward)
		bPulls.lose(upward, downward)
		r.cutGossip(t, b, a, how)
	case CutOneWay:
		aPulls.lose(upward)
		bPulls.lose(downward)
	case CutHalfOpen:
		aPulls.HalfOpen(false)
		bPulls.HalfOpen(true)
		return
	default:
		t.Fatalf("unknown cut %q", how)
	}
	r.cutGossip(t, a, b, how)
}

// cutGossip drops what from says to to.
func (r *Regions) cutGossip(t testing.TB, from, to string, how Cut) {
	t.Helper()
	if gate := r.site(t, to).relay; gate != nil {
		gate.block(r.site(t, from).gossip, how)
	}
}

func (r *Regions) healGossip(t testing.TB, from, to string) {
	t.Helper()
	if gate := r.site(t, to).relay; gate != nil {
		gate.admit(r.site(t, from).gossip)
	}
}

// Heal mends the path between a and b; delay, slices and rate stay.
func (r *Regions) Heal(t testing.TB, a, b string) {
	t.Helper()
	r.path(t, a, b).Heal()
	r.path(t, b, a).Heal()
	r.healGossip(t, a, b)
	r.healGossip(t, b, a)
}

// Delay lets every byte between a and b arrive that much later: half a round
// trip.
func (r *Regions) Delay(t testing.TB, a, b string, d time.Duration) {
	t.Helper()
	r.path(t, a, b).Delay(d)
	r.path(t, b, a).Delay(d)
	for _, way := range [][2]string{{a, b}, {b, a}} {
		if gate := r.site(t, way[1]).relay; gate != nil {
			gate.delay(r.site(t, way[0]).gossip, d)
		}
	}
}

// Slice cuts what flows between a and b into writes of at most n bytes; 0 ends
// that.
func (r *Regions) Slice(t testing.TB, a, b string, n int) {
	t.Helper()
	r.path(t, a, b).Slice(n)
	r.path(t, b, a).Slice(n)
}

// Rate lets at most n bytes per second through each connection between a and b in
// each direction; 0 ends that.
func (r *Regions) Rate(t testing.TB, a, b string, n int) {
	t.Helper()
	r.path(t, a, b).Rate(n)
	r.path(t, b, a).Rate(n)
}
