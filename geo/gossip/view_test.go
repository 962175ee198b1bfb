package gossip

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"geomq/geo"
)

var noAddr netip.AddrPort

func lifeOf(name, boot string, started int64) Node {
	return Node{Region: geo.Region(name), Name: name, Boot: boot, Started: time.Unix(started, 0).UTC()}
}

func TestViewShowsOneLifeOfEachNode(t *testing.T) {
	self := lifeOf("us", "me", 100)
	old, back := lifeOf("eu", "old", 100), lifeOf("eu", "back", 50) // its clock went backwards
	tests := []struct {
		name string
		play func(v *view)
		want string
	}{
		{"nobody", func(*view) {}, "[us/us/me]"},
		{"we ourselves, heard of through gossip", func(v *view) { v.heard(self, 9, noAddr) }, "[us/us/me]"},
		{"of two lives with equal numbers the one heard of later", func(v *view) {
			v.heard(old, 1, noAddr)
			v.heard(back, 1, noAddr)
		}, "[eu/eu/back us/us/me]"},
		{"the higher number, whatever was heard of later", func(v *view) {
			v.heard(back, 2, noAddr)
			v.heard(old, 1, noAddr)
		}, "[eu/eu/back us/us/me]"},
		{"a number that rises", func(v *view) {
			v.heard(back, 1, noAddr)
			v.heard(old, 1, noAddr)
			v.heard(back, 2, noAddr)
		}, "[eu/eu/back us/us/me]"},
		{"the old life again when the new one ends", func(v *view) {
			v.heard(old, 1, noAddr)
			v.heard(back, 1, noAddr)
			v.ended(back.member())
		}, "[eu/eu/old us/us/me]"},
		{"a life that ended is not newer for returning out of stale memory", func(v *view) {
			v.heard(old, 1, noAddr)
			v.ended(old.member())
			v.heard(back, 1, noAddr)
			v.heard(old, 1, noAddr)
		}, "[eu/eu/back us/us/me]"},
		{"all ended", func(v *view) {
			v.heard(old, 1, noAddr)
			v.ended(old.member())
			v.ended("never heard of")
		}, "[us/us/me]"},
		{"ourselves, not another life of ours", func(v *view) {
			v.heard(lifeOf("us", "another", 200), 7, noAddr)
		}, "[us/us/me]"},
	}
	for _, tt := range tests {
		v := newView(self)
		tt.play(v)
		if got := names(v.nodes()); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestOutbidRisesAboveOlderLivesOnly(t *testing.T) {
	self := lifeOf("us", "m", 100)
	tests := []struct {
		name   string
		other  Node
		number uint64
		want   uint64
	}{
		{"an older life with as high a number", lifeOf("us", "x", 99), 3, 4},
		{"an older life with a higher number", lifeOf("us", "x", 99), 8, 9},
		{"an older life with a lower number", lifeOf("us", "x", 99), 2, 3},
		{"a later life", lifeOf("us", "x", 101), 8, 3},
		{"the same start, a lesser boot", lifeOf("us", "a", 100), 3, 4},
		{"the same start, a greater boot", lifeOf("us", "z", 100), 3, 3},
		{"another node", lifeOf("eu", "x", 99), 8, 3},
		{"a number that can't be outbid", lifeOf("us", "x", 99), maxLife, 3},
	}
	for _, tt := range tests {
		v := newView(self)
		v.heard(tt.other, tt.number, noAddr)
		if got := v.outbid(3); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
		v.ended(tt.other.member())
		if got := v.outbid(3); got != 3 {
			t.Errorf("%s, ended: got %d, want 3", tt.name, got)
		}
	}
}

// A node that restarts for ever fills no memory, and living ones are never
// forgotten.
func TestViewForgetsOldestEndedLives(t *testing.T) {
	v := newView(lifeOf("us", "me", 1))
	first := lifeOf("ap", "first", 1)
	v.heard(first, 1, noAddr)
	for i := range 2 * keptLives {
		n := lifeOf("eu", fmt.Sprint(i), int64(i))
		v.heard(n, 1, noAddr)
		v.ended(n.member())
	}
	if len(v.lives) != keptLives+1 {
		t.Errorf("%d lives are kept, want %d", len(v.lives), keptLives+1)
	}
	if got := names(v.nodes()); got != "[ap/ap/first us/us/me]" {
		t.Errorf("got %s", got)
	}
}
