package main

import (
	"testing"
	"time"
)

func TestTheHeapGrowsMoreWhileMuchIsDone(t *testing.T) {
	const quick, usual, slow = 500 * time.Millisecond, 5 * time.Second, time.Minute
	for _, c := range []struct {
		name   string
		before int
		apart  time.Duration
		live   uint64
		want   int
	}{
		{"a busy small node", 100, quick, 20 << 20, 200},
		{"and on", 400, quick, 20 << 20, 400},
		{"a busy node that needs much", 100, quick, 180 << 20, 142},
		{"one that needs more than that", 100, quick, 2 << 30, 100},
		{"neither busy nor at rest", 200, usual, 20 << 20, 200},
		{"its needs have grown", 400, usual, 128 << 20, 200},
		{"at rest", 100, slow, 180 << 20, 50},
		{"for long", 50, slow, 180 << 20, 50},
		{"busy again", 50, quick, 180 << 20, 100},
		{"nothing is known", 100, quick, 0, 200},
	} {
		if got := growth(c.before, c.apart, c.live); got != c.want {
			t.Errorf("%s: %d %%, want %d", c.name, got, c.want)
		}
	}
}
