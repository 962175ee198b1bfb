package node_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geotest"
)

// image stops a region, keeps an image of its disk, and starts it again.
func (w *world) image(region geo.Region) (image string) {
	w.t.Helper()
	w.stops[region]()
	image = w.cfgs[region].Data + "-old"
	if err := os.CopyFS(image, os.DirFS(w.cfgs[region].Data)); err != nil {
		w.t.Fatal(err)
	}
	w.start(region)
	w.await(region)
	return image
}

func (w *world) delete(offsets ...geo.Range) (admin.Outcome, error) {
	return w.nodes["us-east"].Orders().Delete(w.t.Context(), admin.DeleteOrder{Log: orders.Stream(), Offsets: offsets}, silent)
}

func (w *world) knows(region geo.Region, deletions uint64) {
	w.t.Helper()
	geotest.Await(w.t, time.Minute, func(context.Context) error {
		if l := w.log(region); l.Deletions != deletions {
			return fmt.Errorf("%s knows of %d deletions, not %d; links: %+v", region, l.Deletions, deletions, w.nodes[region].Links())
		}
		return nil
	})
}

// streams waits until a region's link streams; a new epoch's holes take their time.
func (w *world) streams(region geo.Region) {
	w.t.Helper()
	geotest.Await(w.t, time.Minute, func(context.Context) error {
		for _, l := range w.nodes[region].Links() {
			if l.Log == "ORDERS" && l.Origin == "us-east" && streaming(l) {
				return nil
			}
		}
		return fmt.Errorf("the links are %+v", w.nodes[region].Links())
	})
}

func one(o geo.Offset) geo.Range { return geo.Range{First: o, Last: o} }

// TestAnOriginThatForgotADeletion: an image from before a deletion, with the end that
// the log still has, is put back. What was deleted does not come back, and the next
// deletion is another one than that which was forgotten.
func TestAnOriginThatForgotADeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, waits(t), "us-east", "eu-west", "ap-south")
	w.publish(w.client("us-east"), 100)
	ordered(t, 1)(w.delete(one(3)))
	for _, region := range []geo.Region{"eu-west", "ap-south"} {
		w.holds(region, "ORDERS@us-east", 100)
		w.knows(region, 1)
	}
	w.stops["us-east"]()
	stored := filepath.Join(w.cfgs["us-east"].Data, "jetstream")
	if err := os.CopyFS(stored+"-old", os.DirFS(stored)); err != nil {
		t.Fatal(err)
	}
	w.start("us-east")
	w.await("us-east")
	ordered(t, 2)(w.delete(one(7), one(100)))
	ordered(t, 1)(w.delete(one(50)))
	w.knows("eu-west", 3)
	w.stops["ap-south"]() // it may know of more
	w.stops["us-east"]()
	// The marks beside it know nothing of that, as with an image of a whole device.
	if err := errors.Join(os.RemoveAll(stored), os.Rename(stored+"-old", stored)); err != nil {
		t.Fatal(err)
	}
	w.cfgs["us-east"].Broker.OpenWait = 3 * time.Second
	w.start("us-east")
	w.await("us-east")
	w.wants(w.same("us-east", "eu-west"), upTo(99, 3, 7, 50))
	if l := w.log("us-east"); len(l.Epochs) != 2 {
		t.Errorf("an older disk goes on in epochs %s", l.Epochs)
	}
	w.streams("eu-west")
	if _, err := w.delete(one(60)); !errors.Is(err, admin.ErrRefused) || !strings.Contains(err.Error(), "ap-south") {
		t.Errorf("ap-south may know of other deletions: %v", err)
	}
	w.start("ap-south")
	w.await("ap-south")
	geotest.Await(t, time.Minute, func(context.Context) error {
		_, err := w.delete(one(60))
		return err
	})
	w.knows("us-east", 4)
	for _, region := range []geo.Region{"eu-west", "ap-south"} {
		w.wants(w.same("us-east", region), upTo(99, 3, 7, 50, 60))
		w.streams(region)
		w.knows(region, 4)
	}
}

// TestARegionThatWasSilentKnowsOfADeletion: the origin has opened without it, and
// learns of the deletion from it when it is back. Nothing of it halts.
func TestARegionThatWasSilentKnowsOfADeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, waits(t), "us-east", "eu-west")
	w.publish(w.client("us-east"), 20)
	w.holds("eu-west", "ORDERS@us-east", 20)
	old := w.image("us-east")
	ordered(t, 1)(w.delete(one(7)))
	w.knows("eu-west", 1)
	w.stops["eu-west"]()
	w.stops["us-east"]()
	w.cfgs["us-east"].Data = old
	w.cfgs["us-east"].Broker.OpenWait = time.Second
	w.start("us-east")
	w.await("us-east")
	if _, err := w.delete(one(9)); !errors.Is(err, admin.ErrRefused) || !strings.Contains(err.Error(), "eu-west") {
		t.Errorf("eu-west may know of other deletions: %v", err)
	}
	// The doubt outlives a restart, which is an orderly one.
	w.stops["us-east"]()
	w.start("us-east")
	w.await("us-east")
	if _, err := w.delete(one(9)); !errors.Is(err, admin.ErrRefused) {
		t.Errorf("after a restart: %v", err)
	}
	w.start("eu-west")
	w.await("eu-west")
	w.wants(w.same("us-east", "eu-west"), upTo(20, 7))
	geotest.Await(t, time.Minute, func(context.Context) error {
		_, err := w.delete(one(9))
		return err
	})
	w.knows("eu-west", 2)
	w.streams("eu-west")
	w.wants(w.same("us-east", "eu-west"), upTo(20, 7, 9))
	// The control log had records that only eu-west knew: they are no entries.
	w.holds("eu-west", "GEOMQ@us-east", w.ends("us-east", "GEOMQ@us-east"))
	if found := w.ledger("eu-west"); len(found) > 0 {
		t.Errorf("the ledger has %v", found)
	}
}

// TestDeletionsThatContradictEachOther: what a region has recorded removed another
// entry than stands in the log. That is told, the link halts, neither side's records or
// entries are touched until somebody decides, and a repair ends it.
func TestDeletionsThatContradictEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, waits(t), "us-east", "eu-west")
	w.publish(w.client("us-east"), 20)
	w.holds("eu-west", "ORDERS@us-east", 20)
	w.stops["us-east"]()
	other := geo.Deletion{Number: 1, Offsets: []geo.Offset{3}, Digests: [][16]byte{{1}}, At: 1}
	if err := w.nodes["eu-west"].RecordDeletion(t.Context(), orders, other); err != nil {
		t.Fatal(err)
	}
	w.start("us-east")
	w.await("us-east")
	w.awaitEvent("us-east", "us-east", "us-east and eu-west do not agree on what was deleted of ORDERS@us-east")
	w.link("eu-west", func(l admin.Link) bool { return l.State == admin.LinkHalted && l.Cause == "ahead" })
	ordered(t, 1)(w.delete(one(7)))
	w.link("eu-west", func(l admin.Link) bool { return l.State == admin.LinkHalted && l.Cause == "conflict" })
	if here, there := len(w.held("us-east")), len(w.held("eu-west")); here != 19 || there != 20 {
		t.Errorf("us-east holds %d entries, eu-west %d", here, there)
	}
	_, err := w.nodes["eu-west"].Orders().Repair(t.Context(), admin.RepairOrder{Log: orders.Stream(), Region: "eu-west"}, silent)
	if err != nil {
		t.Fatal(err)
	}
	w.wants(w.same("us-east", "eu-west"), upTo(20, 7))
	w.streams("eu-west")
	w.knows("eu-west", 1)
}
