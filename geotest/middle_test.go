package geotest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"geomq/admin"
)

// mendPatience is how long after a start all replicas may take to be equal again.
const mendPatience = 30 * time.Second

// blockCut takes the power from a region that was killed: its host was started anew,
// and of one block of us-east's log there the second half has not come to the disk,
// though the block behind it has.
func blockCut(t *testing.T, r *Regions, region string, block int) {
	t.Helper()
	cutBlock(t, r, region, block)
	if err := reboot(r.site(t, region).data); err != nil {
		t.Fatal(err)
	}
}

func cutBlock(t *testing.T, r *Regions, region string, block int) {
	t.Helper()
	msgs := filepath.Join(r.site(t, region).data, "jetstream", "APP", "streams", stream("us-east"), "msgs")
	if _, err := os.Stat(filepath.Join(msgs, fmt.Sprintf("%d.blk", block+1))); err != nil {
		t.Fatalf("there is no block behind block %d: %v", block, err)
	}
	path := filepath.Join(msgs, fmt.Sprintf("%d.blk", block))
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()/2)
	}
	if err == nil {
		err = gone(os.Remove(filepath.Join(msgs, "index.db")))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// counts tells how many entries a region holds of us-east's log.
func counts(t *testing.T, r *Regions, region string) int {
	t.Helper()
	holding, err := NewHistory().Hold(t.Context(), r.site(t, region).Region, stream("us-east"))
	if err != nil {
		t.Fatal(err)
	}
	return len(holding.Entries)
}

// mended waits until these regions hold all n entries, and verifies them.
func mended(t *testing.T, r *Regions, h *History, n int, regions ...string) {
	t.Helper()
	Await(t, mendPatience, func(ctx context.Context) error {
		var holdings []Holding
		for _, region := range regions {
			holding, err := h.Hold(ctx, r.site(t, region).Region, stream("us-east"))
			if err == nil && len(holding.Entries) != n {
				err = fmt.Errorf("%s holds %d entries, not %d; links: %s", region, len(holding.Entries), n, r.linksOf(t, region))
			}
			if err != nil {
				return err
			}
			holdings = append(holdings, holding)
		}
		_, err := h.Judge(holdings, Terms{})
		return err
	})
}

// says waits until a command's output in a region has a text in it, or has not.
func says(t *testing.T, r *Regions, region, text string, has bool, command ...string) {
	t.Helper()
	Await(t, mendPatience, func(context.Context) error {
		out, _ := Run(t, append(command, "--admin", r.site(t, region).Admin)...)
		if strings.Contains(out, text) != has {
			return fmt.Errorf("geomq %s in %s has %q: %t\n%s", strings.Join(command, " "), region, text, !has, out)
		}
		return nil
	})
}

const (
	lacks   = "lacks offsets"
	madeNew = "made anew from "
)

// The files of a stream come to the disk independently. After a power cut a replica
// lacks the end of an older block and has a newer one. It is made anew, by itself and
// from whoever has everything, and loses nothing; after the death of a process alone
// it is not.
func TestAReplicaWithAHoleInItsMiddle(t *testing.T) {
	r := StartRegions(t, Options{})
	t.Cleanup(func() { r.tell(t) })
	h := holeHistory()
	fill(t, r, h, 1, 250)
	for _, region := range r.All() {
		holds(t, r, h, region.Name, 250)
	}

	r.Kill(t, "eu-west")
	fill(t, r, h, 251, 260)
	blockCut(t, r, "eu-west", 1)
	r.Restart(t, "eu-west")
	mended(t, r, h, 260, "us-east", "eu-west", "ap-south")
	says(t, r, "eu-west", madeNew+"us-east", true, "events")
	verified(t, r)

	// The origin is down.
	r.Kill(t, "us-east")
	r.Kill(t, "ap-south")
	blockCut(t, r, "ap-south", 2)
	r.Restart(t, "ap-south")
	mended(t, r, h, 260, "eu-west", "ap-south")
	says(t, r, "ap-south", madeNew+"eu-west", true, "events")
	r.Restart(t, "us-east")
	verified(t, r)
	for _, region := range r.All() {
		says(t, r, region.Name, lacks, false, "status")
	}

	// Nobody lost power: whatever that is, it is not mended unasked.
	r.Kill(t, "ap-south")
	cutBlock(t, r, "ap-south", 2)
	r.Restart(t, "ap-south")
	fill(t, r, h, 261, 270)
	reaches(t, r, "ap-south", 270)
	if n := counts(t, r, "ap-south"); n >= 270 {
		t.Errorf("ap-south holds %d entries", n)
	}
}

// reaches waits until a region's replica has come to offset.
func reaches(t *testing.T, r *Regions, region string, offset uint64) {
	t.Helper()
	r.AwaitLink(t, mendPatience, region, "us-east", fmt.Sprintf("at %d", offset), func(l admin.Link) bool { return uint64(l.Applied) >= offset })
}

// All machines lose power; the origin and one replica have holes in different places.
// Where nobody else is up, nothing is removed, and the status says what is waited for.
func TestHolesEverywhereAfterAPowerCutOfAllMachines(t *testing.T) {
	r := StartRegions(t, Options{})
	t.Cleanup(func() { r.tell(t) })
	h := holeHistory()
	fill(t, r, h, 1, 250)
	for _, region := range r.All() {
		holds(t, r, h, region.Name, 250)
	}
	for _, region := range r.All() {
		r.Kill(t, region.Name)
	}
	h.Harmed("us-east", time.Time{})
	blockCut(t, r, "us-east", 1)
	blockCut(t, r, "eu-west", 2)
	if err := reboot(r.site(t, "ap-south").data); err != nil {
		t.Fatal(err)
	}
	r.Restart(t, "eu-west")
	says(t, r, "eu-west", lacks, true, "status")
	says(t, r, "eu-west", "as soon as another region can be used", true, "log", "show", stream("us-east"))
	left := counts(t, r, "eu-west")
	if left >= 250 {
		t.Fatal("eu-west has no hole")
	}
	r.Kill(t, "eu-west") // the process alone: the doubt lasts
	r.Restart(t, "eu-west")
	says(t, r, "eu-west", lacks, true, "status")
	if n := counts(t, r, "eu-west"); n != left {
		t.Errorf("of %d entries %d are left, though nobody else is up", left, n)
	}
	r.Launch(t, "us-east")
	r.Restart(t, "ap-south")
	r.site(t, "us-east").awaitReady(t)
	mended(t, r, h, 250, "us-east", "eu-west", "ap-south")
	fill(t, r, h, 251, 260)
	mended(t, r, h, 260, "us-east", "eu-west", "ap-south")
	verified(t, r)
	says(t, r, "eu-west", madeNew, true, "events")
	for _, region := range r.All() {
		says(t, r, region.Name, lacks, false, "status")
	}
}
